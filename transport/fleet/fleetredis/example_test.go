package fleetredis_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// A reader that gets a new token for each connection. Nothing listens at the
// address here.
func ExampleNew() {
	ctx := context.Background()
	token := func(context.Context) (string, error) { return "token", nil } // such as one of IAM
	engine, err := fleetredis.New(fleetredis.Config{
		Addresses: []string{"127.0.0.1:1"},
		TLS:       &tls.Config{MinVersion: tls.VersionTLS12},
		Credentials: func(ctx context.Context) (user, password string, err error) {
			password, err = token(ctx)
			return "reader", password, err
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()
	client, err := ffc.New(ctx, ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{engine},
			Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
		},
		Events:    flush.Config{Disabled: true},
		StartWait: -1, // do not wait
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	if client.Refresh(ctx) != nil {
		fmt.Println(client.BoolVariation(ctx, "new-checkout", ffc.NewUser("u-42"), false))
	}
	// Output: false
}

// What a publisher does, and what happens when two of them do so at once.
func ExampleBackend() {
	engine, err := fleetredis.New(fleetredis.Config{Addresses: []string{"flags.example.com:6379"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()
	_ = func(ctx context.Context) error {
		tag, err := engine.Swap(ctx, "environment/head", []byte("first"), "")
		if err != nil {
			return err // fleet.ErrConflict: another publisher was first
		}
		_, err = engine.Swap(ctx, "environment/head", []byte("second"), tag)
		return err
	}
	fmt.Println(engine)
	// Output: redis at flags.example.com:6379
}

// A queue of events: the Sink of clients, and the Queue of a relay.Forwarder. Nothing
// listens at the address here.
func ExampleNewQueue() {
	engine, err := fleetredis.New(fleetredis.Config{Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()
	queue, err := fleetredis.NewQueue(fleetredis.QueueConfig{Backend: engine})
	if err != nil {
		fmt.Println(err)
		return
	}
	events := flush.Config{Sink: queue} // for ffc.Config.Events
	fmt.Println(events.Sink)
	// Output: queue in redis at 127.0.0.1:1
}
