package relay_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults/hammer"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// Whatever becomes of the publishers, the platform and the engine: no reader goes
// back in revision, flag or time, or loses its flags. FFC_HAMMER is the number of
// faults, over 200 readers.
func TestHammer(t *testing.T) {
	t.Parallel()
	faults, readers := 300, 50
	if testkit.All() {
		readers = 200
	}
	if testing.Short() {
		faults = 50
	}
	if n, err := strconv.Atoi(os.Getenv("FFC_HAMMER")); err == nil {
		faults, readers = n, 200
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		h := hammer.New(hammer.Config{
			Engine: new(fleettest.Memory), Publishers: 8, Readers: readers,
			Beat: 5 * time.Second, Lag: 10 * time.Minute, Seed: seed,
		})
		if err := h.Start(); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < faults && h.Disturb(); n++ {
		}
		h.Heal()
		h.Undo()
		r, err := h.Stop()
		if err != nil {
			t.Error(err)
		}
		t.Logf("%+v", r)
		if err == nil && r.Leading < r.Faults/4 {
			t.Error("there was hardly ever a leader: the test shows little")
		}
		if r.Gaps >= 100 && r.GapP99 > r.GapLimit {
			t.Errorf("the engine had no new head for %v (p99) after the leader was lost, want at most %v", r.GapP99, r.GapLimit)
		}
		if r.UndoLatest > r.UndoLimit {
			t.Errorf("the last reader had what was pinned after %v, want at most %v", r.UndoLatest, r.UndoLimit)
		}
	})
}
