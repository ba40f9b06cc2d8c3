package hammer

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// gaps measures over how long no head is written after the leader was lost, while
// another publisher, the platform and the engine are well.
type gaps struct {
	mu    sync.Mutex
	began time.Time // of the gap; zero if there is none
	well  []*member // which could take over all the time
	all   []time.Duration
}

// hit notes that a member is about to fail.
func (g *gaps) hit(h *Hammer, m *member) {
	leads := m.leads()
	g.mu.Lock()
	defer g.mu.Unlock()
	if leads && g.began.IsZero() {
		g.began = time.Now()
		g.well = g.well[:0]
		for _, other := range h.members {
			if other != m && other.engine.Well() && other.Status().Revision != 0 {
				g.well = append(g.well, other)
			}
		}
	}
	g.well = slices.DeleteFunc(g.well, func(other *member) bool { return other == m })
	if len(g.well) == 0 {
		g.began = time.Time{}
	}
}

// discard ends a gap that has another cause, too.
func (g *gaps) discard() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.began = time.Time{}
}

// written ends a gap.
func (g *gaps) written() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.began.IsZero() {
		g.all = append(g.all, time.Since(g.began))
		g.began = time.Time{}
	}
}

func (g *gaps) report(r *Report) {
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.Sort(g.all)
	if r.Gaps = len(g.all); r.Gaps > 0 {
		at := func(share int) time.Duration { return g.all[(len(g.all)-1)*share/100] }
		r.GapP50, r.GapP99, r.GapMax = at(50), at(99), at(100)
	}
}

// observed is an engine whose heads are observed.
type observed struct {
	fleet.Backend
	h *Hammer
}

// MaxValue implements fleet.Limiter.
func (o *observed) MaxValue() int { return fleetkit.MaxValue(o.Backend) }

// Swap implements fleet.Backend.
func (o *observed) Swap(ctx context.Context, name string, value []byte, tag string) (string, error) {
	newTag, err := o.Backend.Swap(ctx, name, value, tag)
	if err == nil && strings.HasSuffix(name, "/"+fleetdata.HeadObject) {
		if head, err := fleetdata.ParseHead(value); err == nil && head.Owner != "" { // no one who resigns
			o.h.gaps.written()
		}
	}
	return newTag, err
}
