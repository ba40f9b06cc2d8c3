//go:build !race

package fleet_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// alwaysOld is a client that reads the head with each refresh.
func alwaysOld(tb testing.TB) *ffc.Client {
	tb.Helper()
	m := new(fleettest.Memory)
	write(tb, m, headOf("a", 1, 1, nil), data("on", 1), 0)
	client, err := ffc.New(tb.Context(), ffc.Config{
		Platform:  ffc.PlatformFeatBit,
		Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{m}, MaxAge: time.Nanosecond},
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close(context.Background()) })
	if !client.Initialized() {
		tb.Fatalf("status %+v", client.Status())
	}
	return client
}

func BenchmarkRefreshWithNothingNew(b *testing.B) {
	client := alwaysOld(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := client.Refresh(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// A refresh with nothing new costs a head, however much data there is. The engine
// in memory allocates the value and its tag.
func TestRefreshAllocations(t *testing.T) {
	client := alwaysOld(t)
	ctx := t.Context()
	if n := testing.AllocsPerRun(200, func() { _ = client.Refresh(ctx) }); n > 22 {
		t.Errorf("%v allocations, want at most 22", n)
	}
}
