package fleetnats_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
)

// A reader whose password may change. Nothing listens at the address here.
func ExampleNew() {
	ctx := context.Background()
	password := func() string { return "PASSWORD" } // such as that of a file
	engine, err := fleetnats.New(fleetnats.Config{
		Servers: []string{"tls://127.0.0.1:1"},
		Options: []nats.Option{
			nats.UserInfoHandler(func() (string, string) { return "reader", password() }),
			nats.CustomInboxPrefix("_INBOX_reader"),
		},
		EventuallyConsistent: true,
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

// Making the bucket, and what a publisher does there.
func ExampleBackend() {
	engine, err := fleetnats.New(fleetnats.Config{Servers: []string{"flags.example.com"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()
	_ = func(ctx context.Context) error {
		if err := engine.Create(ctx, 3); err != nil {
			return err
		}
		stored, err := engine.Durability(ctx)
		if err != nil {
			return err
		}
		if stored != (fleetnats.Durability{File: true, Replicas: 3}) {
			return fmt.Errorf("the bucket exists with other properties: %+v", stored)
		}
		_, err = engine.Swap(ctx, "environment/head", []byte("first"), "")
		return err // fleet.ErrConflict: another publisher was first
	}
	fmt.Println(engine)
	// Output: NATS bucket ffc at flags.example.com
}

// Functions put their events into a queue, and a forwarder delivers them to the
// platform.
func ExampleNewQueue() {
	queue, err := fleetnats.NewQueue(fleetnats.QueueConfig{Servers: []string{"flags.example.com"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer queue.Close()
	_ = func(ctx context.Context) error { // once
		return queue.Create(ctx, fleetnats.QueueLimits{MaxBytes: 10 << 30, Replicas: 3})
	}
	_ = flush.Config{Sink: queue} // in a function
	_ = func(ctx context.Context) error {
		forwarder := relay.Forwarder{
			Queue: queue,
			Destination: func(environment string) (relay.Destination, bool) {
				return relay.Destination{EventsURL: "https://featbit.example.com", EnvSecret: "secret"}, environment == "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
			},
		}
		return forwarder.Run(ctx)
	}
	fmt.Println(queue)
	// Output: NATS stream ffc_events at flags.example.com
}
