//go:build !race

package ondemand

import "testing"

// Refresh with fresh data allocates nothing. Not parallel: others' allocations
// would count.
func TestFreshDoesNotAllocate(t *testing.T) {
	s := newSource(t, nil)
	s.refreshed()
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _ = s.Refresh(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
