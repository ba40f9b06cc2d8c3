package ffc_test

import (
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestDefault has the package's only global state to itself.
func TestDefault(t *testing.T) {
	if _, err := ffc.Default(t.Context()); err == nil {
		t.Fatal("a client without configuration")
	}
	ffc.SetDefault(ffc.Config{Offline: true, EnvSecret: "?"})
	if _, err := ffc.Default(t.Context()); err == nil {
		t.Fatal("a client with unusable configuration")
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
}
