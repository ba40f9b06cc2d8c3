//go:build !race

package enginetest_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
)

// A refresh with nothing new takes one round trip, 1 KiB and 120 allocations, those of
// the proxy and of the server included.
func TestCostOfARefreshWithNothingNew(t *testing.T) {
	e := start(t)
	p := testkit.NewProxy(t, e.port.Address)
	client := fleetkit.Refreshing(t, e.open(via(p), directly))
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
		t.Errorf("%d bytes for each refresh, want at most 1024", perRefresh)
	}
	if allocations > 120 {
		t.Errorf("%.0f allocations for each refresh, want at most 120", allocations)
	}
}
