package fleet

import (
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// verdict is what a head means to a reader.
type verdict uint8

const (
	// other is a head of a replica that lags, of a cache, or of an engine that
	// was restored: not to be used.
	other verdict = iota
	// same is a head that names the body that the reader has.
	same
	// newer is a head with another body to use.
	newer
)

// tracker knows what the reader has, and decides about heads. Its methods may be
// called concurrently.
type tracker struct {
	mu   sync.Mutex
	head *fleetdata.Head // of what the reader has; nil before the first
	from string          // the backend that the head came from
	// beat is the highest seen of the own lineage, asOf the latest of any head that
	// was used.
	beat int64
	asOf time.Time

	rival *rival
}

// rival is a lineage, or an earlier revision of the own one, that may have replaced
// what the reader has.
type rival struct {
	lineage string
	beat    int64
	seen    time.Time // with that beat
}

// judge decides about a head. A head of another lineage is used when its publisher
// lives and the own one does not: its beat advances over at least a Lease, its data
// was confirmed no earlier than the reader's, and no head of the own lineage was
// seen in between. An earlier revision of the own lineage must also pass the highest
// beat that was seen: a replica that lags beats as well, but later. No clocks of
// machines are compared.
func (t *tracker) judge(h *fleetdata.Head) (v verdict, replaces bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v = newer
	if t.head == nil {
		return v, false
	}
	if h.Body == t.head.Body {
		v = same
	}
	if h.Lineage == t.head.Lineage {
		if h.Revision > t.head.Revision || h.Revision == t.head.Revision && v == same {
			t.rival, t.beat = nil, max(t.beat, h.Beat)
			return v, false
		}
		if v == same {
			return v, false
		}
	}
	switch alive := t.alive(h); {
	case alive:
		return v, true
	case v == same:
		return v, false
	}
	return other, false
}

// alive reports whether a head that is not ours is that of a publisher that has
// replaced ours. The lock is held.
func (t *tracker) alive(h *fleetdata.Head) bool {
	if t.rival == nil || t.rival.lineage != h.Lineage {
		t.rival = &rival{lineage: h.Lineage, beat: h.Beat, seen: time.Now()}
		return false
	}
	return h.Beat > t.rival.beat && clock.Age(t.rival.seen) >= h.Lease() &&
		!h.AsOf.Before(t.asOf) && (h.Lineage != t.head.Lineage || h.Beat > t.beat)
}

// use notes that the reader has what a head names, or that it has had that
// already. A head that is not ours confirms the data, but does not become ours,
// unless it replaces ours.
func (t *tracker) use(h *fleetdata.Head, from string, replaces bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h.AsOf.After(t.asOf) {
		t.asOf = h.AsOf
	}
	switch {
	case t.head == nil, replaces:
		t.beat, t.rival = h.Beat, nil
	case h.Lineage != t.head.Lineage || h.Revision < t.head.Revision:
		return
	}
	t.head, t.from = h, from
}

// source returns where the data is from.
func (t *tracker) source() transport.Source {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.head == nil {
		return transport.Source{}
	}
	return transport.Source{Backend: t.from, Lineage: t.head.Lineage, Revision: t.head.Revision, PinnedUntil: t.head.Pin}
}

// confirmed returns the latest asOf of any head that was used, and the last head.
func (t *tracker) confirmed() (asOf time.Time, last *fleetdata.Head) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asOf, t.head
}
