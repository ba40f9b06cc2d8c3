package ffc_test

import (
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestDefault has the package's only global state to itself.
func TestDefault(t *testing.T) {
	ffc.ForgetDefault()
	if _, err := ffc.Default(t.Context()); err == nil {
		t.Fatal("a client without configuration")
	}
	ffc.SetDefault(ffc.Config{Offline: true, EnvSecret: "?"})
	if _, err := ffc.Default(t.Context()); err == nil {
		t.Fatal("New returned a client for an invalid configuration")
	}
	ffc.SetDefault(ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("a"))})
	clients := make([]*ffc.Client, 8)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			var err error
			if clients[i], err = ffc.Default(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, c := range clients {
		if c == nil || c != clients[0] {
			t.Fatalf("several clients: %v", clients)
		}
	}
	ffc.SetDefault(ffc.Config{Offline: true})
	if err := clients[0].Flush(t.Context()); err != ffc.ErrClosed {
		t.Errorf("the client of the old configuration is not closed: %v", err)
	}
	next, err := ffc.Default(t.Context())
	if err != nil || next == clients[0] || next.FlagKnown("a") {
		t.Errorf("after a change of configuration: %v, %v", next, err)
	}
	next.Close(t.Context())
	again, err := ffc.Default(t.Context())
	if err != nil || again == next {
		t.Errorf("after its client was closed: %v, %v", again, err)
	}
	again.Close(t.Context())
}

// panicking is a transport that is the application's and has a mistake.
type panicking struct{}

func (panicking) Open(transport.Env) (transport.Session, error) { panic("the application's mistake") }

// TestDefaultAfterPanic: after a panic while the client is created, no call waits
// for it.
func TestDefaultAfterPanic(t *testing.T) {
	ffc.SetDefault(ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: panicking{}})
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic of the transport got lost")
				}
			}()
			_, _ = ffc.Default(t.Context())
		}()
	}
}

// TestDefaultReplacedMeanwhile: who waits for a client gets that of the newest
// configuration.
func TestDefaultReplacedMeanwhile(t *testing.T) {
	server := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer server.Close()
	resume := server.Stall(ffctest.Streaming)
	defer resume()
	ffc.SetDefault(ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &stream.Transport{}, Logger: testkit.Quiet()})
	got := make(chan *ffc.Client)
	go func() {
		client, err := ffc.Default(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- client
	}()
	if err := server.WaitConnections(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ffc.SetDefault(ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("b"))})
	resume()
	client := <-got
	if client == nil || !client.FlagKnown("b") {
		t.Errorf("the client is not that of the new configuration: %v", client)
	}
	client.Close(t.Context())
}
