package relay_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// The whole way over sockets and files: a push of the platform reaches a reader
// that watches a directory, with the transport that publishers have by default.
// Nothing is left afterwards. Not parallel: goroutines of other tests would count.
func TestPushReachesWatchingReaders(t *testing.T) {
	for _, platform := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		t.Run(platform.String(), func(t *testing.T) {
			used := testkit.Used()
			defer used.Returned(t)
			server := platform.NewServer(platform.Snapshot(ffctest.Flag("flag").Serve("true")))
			defer server.Close()
			backend := fleet.Dir{Path: t.TempDir()}
			publishers := make([]*started, 2)
			for i := range publishers {
				publishers[i] = start(&relay.Publisher{
					Config:  ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Logger: slog.New(slog.DiscardHandler)},
					Backend: backend,
					Beat:    100 * time.Millisecond,
					Lease:   time.Minute, // the machine may be busy
				})
				defer publishers[i].stop()
			}
			cfg := ffc.Config{
				EnvSecret: server.EnvSecret, BaseURL: server.URL, Events: flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
				Transport: &fleet.Transport{Backends: []fleet.Backend{backend}, Watch: true, Spread: -1, FirstRetry: 10 * time.Millisecond},
				StartWait: time.Minute,
			}
			client, err := ffc.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(context.Background())
			changed := make(chan struct{}, 1)
			defer client.OnChange(func([]string) {
				select {
				case changed <- struct{}{}:
				default:
				}
			})()
			if !client.BoolVariation(t.Context(), "flag", ffc.NewUser("u"), false) {
				t.Fatalf("the flag is not on; status %+v", client.Status())
			}
			if err := server.Replace(platform.Snapshot(ffctest.Flag("flag").Serve("false"))); err != nil {
				t.Fatal(err)
			}
			select {
			case <-changed:
			case <-time.After(time.Minute):
				t.Fatalf("the change does not arrive; status %+v, %+v", publishers[0].Status(), publishers[1].Status())
			}
			if client.BoolVariation(t.Context(), "flag", ffc.NewUser("u"), true) {
				t.Error("the flag is still on")
			}
			leaders := 0
			for _, p := range publishers {
				if p.Status().Leader {
					leaders++
				}
			}
			if leaders != 1 {
				t.Errorf("%d leaders, want 1", leaders)
			}
		})
	}
}
