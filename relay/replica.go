package relay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	// checkEvery is how often the leader reads the body, and removes old ones.
	checkEvery = time.Minute
	// publishEvery is the shortest time between two bodies.
	publishEvery = 100 * time.Millisecond
	// resignTime is the maximum time that a leader takes to resign.
	resignTime = 2 * time.Second
	// reconnectAfter is how long a source stays that the platform rejects.
	reconnectAfter = time.Minute
	// minTimeout and maxTimeout bound one call of the engine.
	minTimeout = 2 * time.Second
	maxTimeout = 10 * time.Second
)

// replica is one run of a Publisher.
type replica struct {
	p                 *Publisher
	cfg               ffc.Config
	beat, lease, keep time.Duration
	accept            bool
	background        bool // the transport works in the background
	environment       string
	platform          string
	owner             string
	log               *slog.Logger
	now               func() time.Time // by this machine's clock, for pins, which people set
	main              *engineStore
	mirrors           []*mirror

	src    *source // nil if there is no connection to the platform
	srcKey string  // the head that src began with

	// What is known of the environment, from heads of the main engine.
	known   *stored // the last head of which the body is known
	lineage string
	maxRev  int64
	maxBeat int64
	maxAsOf time.Time
	// askedMirrors: the mirrors have been asked what was published before.
	askedMirrors bool

	// While it leads.
	tag       string
	good      time.Time // when the last successful Swap began
	published time.Time // when the last body was
	checked   time.Time
	pinned    time.Time       // until when, as logged
	latest    *fleetdata.Body // what the platform has
	data      []byte          // of latest
	items     int             // in data
	failing   string          // what was logged of an error; "" without one
}

// init sets what does not depend on others.
func (r *replica) init() {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	r.owner = hex.EncodeToString(id)
	to := r.p.Logger
	if to == nil {
		to = r.cfg.Logger
	}
	if to == nil {
		to = safelog.Default()
	}
	r.log, _ = safelog.New(to)
	timeout := min(max(r.beat, minTimeout), maxTimeout)
	r.main = newEngineStore(r.p.Backend, r.environment, r.platform, timeout)
	status := PublisherStatus{Environment: r.environment, Replica: r.owner}
	for i, b := range r.p.Mirrors {
		m := &mirror{engineStore: newEngineStore(b, r.environment, r.platform, maxTimeout), keep: r.keep, index: i, r: r, wake: make(chan struct{}, 1)}
		r.mirrors = append(r.mirrors, m)
		status.Mirrors = append(status.Mirrors, MirrorStatus{Name: m.name})
	}
	r.p.note(func(s *PublisherStatus) { *s = status })
}

// every is the time between beats in seconds, as heads have it.
func (r *replica) every() int { return int(math.Ceil(r.beat.Seconds())) }

// run stands by and leads in turn, until ctx ends.
func (r *replica) run(ctx context.Context) {
	var mirrors sync.WaitGroup
	defer mirrors.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, m := range r.mirrors {
		mirrors.Go(func() { m.run(ctx) })
	}
	defer func() { r.stopSource(ctx) }()
	for ctx.Err() == nil {
		if !r.standBy(ctx) {
			return
		}
		r.log.Info("ffc: this replica publishes the environment", "environment", r.environment, "replica", r.owner, "revision", r.known.head.Revision)
		r.lead(ctx)
		for _, m := range r.mirrors {
			m.set(nil)
		}
		r.stopSource(ctx)
		r.p.note(func(s *PublisherStatus) { s.Leader, s.Blind, s.Held = false, false, 0 })
	}
}

// startSource connects to the platform, beginning with what was published. An
// error leaves the source that there is.
func (r *replica) startSource(ctx context.Context, key string, seed *stored) error {
	if r.src != nil && r.srcKey == key {
		return nil
	}
	src, err := newSource(ctx, r.cfg, seed, r.accept)
	if err != nil {
		return err
	}
	r.stopSource(ctx)
	r.src, r.srcKey, r.latest, r.data = src, key, nil, nil
	return nil
}

func (r *replica) stopSource(ctx context.Context) {
	if r.src != nil {
		r.src.stop(ctx)
		r.src, r.srcKey = nil, ""
	}
}

// woken receives when the source has news.
func (r *replica) woken() <-chan struct{} {
	if r.src == nil {
		return nil
	}
	return r.src.wake
}

// learn remembers a head, and its body if the engine has it.
func (r *replica) learn(ctx context.Context, h *fleetdata.Head) error {
	r.remember(h)
	if r.known != nil && r.known.body.Sum == h.Body {
		r.known = &stored{h, r.known.body, r.known.data}
		return nil
	}
	full, err := r.main.body(ctx, h)
	if err != nil {
		return err
	}
	r.known = full
	return nil
}

// remember keeps the highest revision and beat of a lineage.
func (r *replica) remember(h *fleetdata.Head) {
	if h.Lineage != r.lineage {
		r.lineage, r.maxRev, r.maxBeat = h.Lineage, 0, 0
	}
	r.maxRev, r.maxBeat = max(r.maxRev, h.Revision), max(r.maxBeat, h.Beat)
	if h.AsOf.After(r.maxAsOf) {
		r.maxAsOf = h.AsOf
	}
	r.p.note(func(s *PublisherStatus) {
		s.Lineage, s.Revision, s.AsOf = h.Lineage, h.Revision, h.AsOf
		s.PinnedUntil = time.Time{}
		if h.Pinned(r.now()) {
			s.PinnedUntil = h.Pin
		}
	})
}

// rejectedEvent is logged when the platform rejects the secret.
const rejectedEvent = "ffc: the platform rejected the secret; trying again every minute"

// fail notes an error of the engine or the platform, and logs the first of a kind.
func (r *replica) fail(err error) {
	level, event := slog.LevelWarn, "ffc: publishing failed; retrying with each beat"
	if why, ok := errors.AsType[*transport.Error](err); ok && why.Kind == transport.KindRefused {
		level, event = slog.LevelError, rejectedEvent
	}
	if r.failing != event {
		r.log.Log(context.Background(), level, event, "environment", r.environment, "error", err)
	}
	r.failing = event
	r.p.note(func(s *PublisherStatus) { s.Err = err })
}

// recovered notes that all is well.
func (r *replica) recovered() {
	if r.failing != "" {
		r.log.Info("ffc: publishing works again", "environment", r.environment)
	}
	r.failing = ""
	r.p.note(func(s *PublisherStatus) { s.Err = nil })
}

// restore writes a body again if the engine has lost it.
func (p *engineStore) restore(ctx context.Context, h *fleetdata.Head, body *fleetdata.Body) error {
	if _, err := p.body(ctx, h); err == nil || !lacks(err) {
		return err
	}
	// Cut as before: the head says how many chunks there are.
	size := (len(body.GZip) + h.Chunks - 1) / h.Chunks
	if p.limit > 0 {
		size = p.limit
	}
	chunks := body.Chunks(size)
	if len(chunks) != h.Chunks {
		return fmt.Errorf("relay: %s lost a body that was cut into other chunks; it is written again with the next change", p.name)
	}
	return p.put(ctx, h, chunks)
}

// next returns the head that follows h, nil for the first.
func (r *replica) next(h *fleetdata.Head, state sourceState) *fleetdata.Head {
	n := &fleetdata.Head{Environment: r.environment, Platform: r.platform}
	if h != nil {
		*n = *h
	}
	n.Format, n.Owner, n.Every, n.Lineage = fleetdata.Format, r.owner, r.every(), r.lineage
	n.Beat = r.maxBeat + 1
	for _, asOf := range []time.Time{r.maxAsOf, state.asOf} {
		if asOf.After(n.AsOf) {
			n.AsOf = asOf
		}
	}
	n.Blind = r.blind(state)
	if !n.Pinned(r.now()) {
		n.Pin = time.Time{}
	}
	return n
}

// revise gives a head the next revision.
func (r *replica) revise(h *fleetdata.Head) { h.Revision = max(r.maxRev+1, h.AsOf.UnixMilli()) }

// blind reports whether the platform was not heard for a Lease.
func (r *replica) blind(state sourceState) bool {
	return !state.lost.IsZero() && clock.Age(state.lost) >= r.lease
}

// pull takes the data of the source, if it may have changed.
func (r *replica) pull() (state sourceState) {
	if state = r.src.current(); !state.dirty && r.latest != nil {
		return state
	}
	state, data, items := r.src.take()
	r.items = items
	switch sum := fleetdata.Sum(data); {
	case r.latest != nil && r.latest.Data == sum:
		return state
	case r.known != nil && r.known.body.Data == sum:
		r.latest = r.known.body
	default:
		r.latest = fleetdata.Pack(data)
	}
	r.data = data
	return state
}

// errLost is why a leader stops leading.
var errLost = errors.New("relay: another replica leads")

// conflict reports whether an error is that of a Swap against another writer.
func conflict(err error) bool { return errors.Is(err, fleet.ErrConflict) }
