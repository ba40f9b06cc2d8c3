//go:build !race

package ffc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// TestNoAllocation holds what the tables say of our rows: with events on and
// none of them lost, an evaluation allocates nothing.
func TestNoAllocation(t *testing.T) {
	t.Run("classic", func(t *testing.T) { noAllocation(t, Classic()) })
	t.Run("FeatBit", func(t *testing.T) { noAllocation(t, FeatBit()) })
}

func noAllocation(t *testing.T, p Platform) {
	raw, err := p.encode(fixture.Scenario(1000))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "snapshot")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := p.Open(sdk.Config{Snapshot: path, Events: true, Keep: true, Sink: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	user := c.User(fixture.Hit())
	for _, flag := range []string{"s1", "s2", "s3", "s4", "s5", "s6"} {
		c.Bool(flag, user) // the first use prepares the flag
		if n := testing.AllocsPerRun(1000, func() { c.Bool(flag, user) }); n != 0 {
			t.Errorf("%s: %v allocations", flag, n)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { c.User(fixture.Hit()) }); n > 2 {
		t.Errorf("a user with five attributes takes %v allocations, expected at most 2", n)
	}
	if stats := c.(client).c.Stats().Events; stats.Recorded == 0 || stats.Dropped.Total() > 0 {
		t.Errorf("events are not all recorded: %+v", stats)
	}
}
