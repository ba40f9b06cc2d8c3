package ffc_test

import (
	"context"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func TestMain(m *testing.M) { testkit.Main(m, 4) }

// connected returns a platform with these flags and a client of it. configure
// may be nil.
func connected(t testing.TB, configure func(*ffc.Config), items ...ffctest.Item) (*ffctest.Server, *ffc.Client) {
	t.Helper()
	return connectedTo(t, ffctest.Classic, configure, items...)
}

// connectedTo is connected for either platform.
func connectedTo(t testing.TB, p ffctest.Platform, configure func(*ffc.Config), items ...ffctest.Item) (*ffctest.Server, *ffc.Client) {
	t.Helper()
	server := platforms.NewServer(t, p, items...)
	cfg := ffc.Config{
		EnvSecret: server.EnvSecret,
		BaseURL:   server.URL,
		Transport: &stream.Transport{FirstRetry: 5 * time.Millisecond, MaxRetry: 20 * time.Millisecond},
		Logger:    testkit.Quiet(),
	}
	if configure != nil {
		configure(&cfg)
	}
	client, err := ffc.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return server, client
}

// waitFor waits until a condition holds that changes of the client's data or
// status bring about.
func waitFor(t testing.TB, client *ffc.Client, condition func() bool) {
	t.Helper()
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	defer client.OnChange(func([]string) { wake() })()
	defer client.OnStatus(func(ffc.Status) { wake() })()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-woken:
		case <-ctx.Done():
			t.Fatal("what was waited for did not happen")
		}
	}
}
