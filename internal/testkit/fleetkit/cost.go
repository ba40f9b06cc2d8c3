package fleetkit

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// CheckRefreshCost checks that a refresh with nothing new takes one round trip, 100 bytes
// to 1 KiB, and at most so many allocations, those of the proxy and of a server in the
// process included. b reads its engine through p.
func CheckRefreshCost(t *testing.T, b fleet.Backend, p *testkit.Proxy, maxAllocations float64) {
	t.Helper()
	client := Refreshing(t, b)
	ctx := testkit.Within(t)
	refresh := func() {
		if err := client.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
	}
	refresh()
	turns, bytes := p.Turns.Load(), p.Bytes.Load()
	const refreshes = 100
	for range refreshes {
		refresh()
	}
	if got := p.Turns.Load() - turns; got != refreshes {
		t.Errorf("%d round trips for %d refreshes", got, refreshes)
	}
	perRefresh := (p.Bytes.Load() - bytes) / refreshes
	allocations := testing.AllocsPerRun(500, refresh)
	t.Logf("%d bytes, %.0f allocations", perRefresh, allocations)
	if perRefresh > 1<<10 || perRefresh < 100 {
		t.Errorf("%d bytes for each refresh, want 100 to 1024", perRefresh)
	}
	if allocations > maxAllocations {
		t.Errorf("%.0f allocations for each refresh, want at most %.0f", allocations, maxAllocations)
	}
}
