package hammer

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// fault does something bad.
func (h *Hammer) fault() {
	i := h.random.IntN(len(h.members))
	m := h.members[i]
	switch n := h.random.IntN(104); {
	case n < 25:
		h.gaps.hit(h, m)
		h.kill(i)
		h.start(i)
	case n < 35:
		h.gaps.hit(h, m)
		h.end(m)
		m.engine.Thaw()
		h.start(i)
	case n < 60:
		h.gaps.hit(h, m)
		m.engine.Freeze()
	case n < 75:
		m.engine.Thaw()
	case n < 80:
		h.gaps.hit(h, m)
		m.engine.SetCut(true)
	case n < 88:
		m.engine.SetCut(false)
	case n < 90 && h.leads(): // somebody knows what was there
		h.gaps.discard()
		h.Engine.Wipe()
	case n < 93 && h.leads():
		h.gaps.discard()
		h.loseWrites()
	case n < 100:
		h.toggle(h.random.IntN(flags))
	default:
		h.mixed.Store(h.random.IntN(3) > 0)
	}
}

// loseWrites takes the engine back to what it had before a change was published.
func (h *Hammer) loseWrites() {
	ctx, backup := context.Background(), new(fleettest.Memory)
	if fleetkit.Copy(ctx, backup, h.Engine) != nil {
		return // the engine is empty
	}
	h.toggle(h.random.IntN(flags))
	time.Sleep(2 * h.Beat) // publishers ask the platform each Beat
	if err := fleetkit.Copy(ctx, h.Engine, backup); err != nil {
		h.errorf("the engine cannot be taken back: %v", err)
	}
}

// route chooses a server: a good one, one that is behind, one that is empty, or
// one that is down.
func (h *Hammer) route() fleetkit.Server {
	bad := fleetkit.Server{}
	if h.mixed.Load() {
		switch rand.IntN(6) {
		case 0:
			bad.Lag = h.Lag
		case 1:
			bad.Empty = true
		case 2:
			bad.Down = true
		}
	}
	if bad != (fleetkit.Server{}) {
		h.gaps.discard()
	}
	return bad
}

// replicate brings the replica that lags to what the engine has now. It returns
// false if the engine has nothing to copy.
func (h *Hammer) replicate(ctx context.Context) bool {
	h.replicating.Lock() // no copy from before replaces a later one
	defer h.replicating.Unlock()
	next := new(fleettest.Memory)
	if fleetkit.Copy(ctx, next, h.Engine) != nil {
		return false
	}
	h.lagging.Restore(next)
	return true
}

// undo is a bad flag that was rolled back while the platform was down.
type undo struct {
	at       time.Time
	revision int64
	readers  map[int]time.Duration // when they had it
}

// Undo publishes a bad change, takes the platform down, pins the body before
// the change, and checks that all readers get that body. At the end the
// platform works again. All publishers must work.
func (h *Hammer) Undo() {
	h.toggle(0)
	if !h.within(2*time.Minute, h.current) {
		h.errorf("the change to undo does not arrive")
		return
	}
	h.hurry.Store(true)
	time.Sleep(40 * h.unit()) // all readers have it
	h.platform.Only(fleetkit.Server{Down: true})
	ctx := context.Background()
	var revision int64
	pinned := h.within(time.Minute, func() (ok bool) {
		at := time.Now()
		h.mu.Lock() // no reader has it before the oracle knows
		defer h.mu.Unlock()
		var err error
		revision, err = fleetkit.RollBack(ctx, h.Engine, at.Add(time.Hour))
		if err == nil {
			h.undo = undo{at: at, revision: revision, readers: make(map[int]time.Duration)}
		}
		return err == nil
	})
	if !pinned {
		h.errorf("the body before the bad change cannot be pinned")
		return
	}
	h.within(time.Minute, func() bool { return h.replicate(ctx) })
	all := h.within(2*time.Minute, func() bool { return h.undone() == h.Readers })
	if !all {
		h.errorf("%d of %d readers have what was pinned", h.undone(), h.Readers)
	}
	h.platform.Only(fleetkit.Server{})
}

// undone returns how many readers have what was pinned.
func (h *Hammer) undone() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.undo.readers)
}

func (u *undo) report(r *Report) {
	r.UndoReaders = len(u.readers)
	for _, took := range u.readers {
		r.UndoLatest = max(r.UndoLatest, took)
	}
}
