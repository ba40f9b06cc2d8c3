package ffc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// clientStore is the transport.Store of a client: it applies messages and publishes
// their data to evaluations.
//
// Its lock orders messages while they are merged. No code decodes, compiles or
// calls the application while the lock is held, and neither evaluations nor Close
// take it.
type clientStore struct {
	c      *Client
	source *eval.Source
	mu     sync.Mutex
	// updates counts applied messages, for Stats.
	updates atomic.Uint64
	// complete is the version of the data when the platform last confirmed it.
	complete atomic.Int64
	// now is the current mark. It increases with each update that changed the
	// data or was held back, so that a request after a held response has another
	// mark than the request before.
	now       atomic.Uint64
	hold      store.Hold // guarded by mu
	held      heldLog    // guarded by mu
	malformed malformedLog
	// engine: the data is from ApplyAsOf.
	engine atomic.Bool
	// segmentsWarned: warnSegments has logged its line.
	segmentsWarned atomic.Bool
}

var _ transport.Store = (*clientStore)(nil)

func (s *clientStore) init(c *Client) {
	s.c = c
	s.now.Store(1) // 0 is before everything
	s.source = c.cfg.codec.Source(func(p eval.Problem) {
		// Flags are compiled when they are first evaluated.
		s.malformed.report(c.immediateLog, p)
	})
	s.source.GaveUp = func(p eval.Problem) {
		c.immediateLog.Warn("ffc: a regular expression could not be evaluated", "error", p.Error())
	}
	s.source.Omit = func(key string) bool { return slices.Contains(c.cfg.Events.OmitFlags, key) }
	c.view.Store(&view{snapshot: eval.NewSnapshot(s.source), serving: c.cfg.Offline})
}

// bootstrap loads Config.Bootstrap.
func (s *clientStore) bootstrap(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if err := registry.CheckOrigin(s.c.cfg.codec.Protocol, s.c.cfg.EnvSecret, data); err != nil {
		if _, foreign := errors.AsType[*registry.ForeignError](err); !foreign {
			return err
		}
		if s.c.cfg.IgnoreForeignBootstrap {
			s.c.log.Warn("ffc: ignoring Config.Bootstrap; starting without cached data", "error", err)
			return nil
		}
		return fmt.Errorf("%w: %s", err, foreignAdvice)
	}
	update, skipped, err := s.c.cfg.codec.Update(data)
	if err != nil {
		return err
	}
	if len(skipped) > 0 {
		return fmt.Errorf("the snapshot has %d malformed elements; the first one is %s", update.Unusable, safelog.Data(skipped[0].Error()))
	}
	s.c.view.Store(&view{snapshot: s.c.view.Load().snapshot.Bootstrap(update), serving: true})
	return nil
}

// foreignAdvice says what to do about a bootstrap of another environment.
const foreignAdvice = "make a snapshot with the command ffc snapshot and this secret, or set Config.IgnoreForeignBootstrap to start without cached data"

// Version implements transport.Store. A bootstrap does not count: after it the
// transport must fetch a snapshot.
func (s *clientStore) Version() int64 { return s.complete.Load() }

// Mark implements transport.Store.
func (s *clientStore) Mark() transport.Mark { return transport.Mark(s.now.Load()) }

// holdFor sets the time over which responses with older data must agree.
func (s *clientStore) holdFor(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold.After = d
}

// Apply implements transport.Store.
func (s *clientStore) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	before := s.c.view.Load().snapshot
	update, skipped, err := s.c.cfg.codec.UpdateAfter(message, before.Earlier())
	if err != nil {
		return transport.Applied{}, &transport.Error{Kind: transport.KindData, Err: safelog.Error(err)}
	}
	s.malformed.message(s.c.log, skipped, update.Unusable, update.Full)
	prepared := before.Prepare(update)
	return s.applied(update, s.publish(update, prepared, func(old *eval.Snapshot) store.Decision {
		if update.Full {
			s.engine.Store(false)
		}
		return s.hold.Decide(old, update, uint64(asked))
	}))
}

// ApplyAsOf implements transport.Store.
func (s *clientStore) ApplyAsOf(message []byte, asked transport.Mark, asOf time.Time) (transport.Applied, error) {
	before := s.c.view.Load().snapshot
	update, skipped, err := s.c.cfg.codec.UpdateAfter(message, before.Earlier())
	if err == nil && !update.Full {
		err = errNotWhole
	}
	if err != nil {
		return transport.Applied{}, &transport.Error{Kind: transport.KindData, Err: safelog.Error(err)}
	}
	s.malformed.message(s.c.log, skipped, update.Unusable, update.Full)
	prepared := before.Prepare(update)
	applied, err := s.applied(update, s.publish(update, prepared, func(*eval.Snapshot) store.Decision {
		s.hold = store.Hold{After: s.hold.After} // the responses that were counted are about the replaced data
		s.complete.Store(0)
		s.engine.Store(true)
		return store.Decision{Terms: store.Terms{Asked: cmp.Or(uint64(asked), s.now.Load())}}
	}))
	if err == nil {
		s.c.status.appliedAsOf(asOf)
	}
	return applied, err
}

var errNotWhole = errors.New("the message has only changes: expected a snapshot")

// applied notifies listeners and logs after an update was published.
func (s *clientStore) applied(update *store.Update, p published) (transport.Applied, error) {
	if p.after == nil {
		return transport.Applied{}, ErrClosed
	}
	if update.Full && s.c.onDemand == nil {
		p.after.CompileLarge()
	}
	if p.decision.Held > 0 {
		s.c.status.explain(&transport.Error{Kind: transport.KindData, Err: errHeld})
	}
	// Listeners that are added after this line see the change already.
	listeners := s.c.changes.all()
	if update.Full {
		s.warnEmpty(p.before, update)
		s.warnSegments(p.after, update)
	}
	if p.after != p.before && len(listeners) > 0 {
		if keys := p.after.Affected(p.change); len(keys) > 0 {
			send(listeners, keys)
		}
	}
	return transport.Applied{Full: update.Full, Held: p.decision.Held, Answers: p.decision.Answers, For: p.decision.For,
		HeldVersion: p.decision.HeldVersion}, nil
}

// published is what an update changed.
type published struct {
	before, after *eval.Snapshot // after is nil if the client is closed
	change        store.Change
	decision      store.Decision
}

// publish makes an update visible to evaluations, within the decision of decide,
// which runs with the lock held. After Close publish does nothing.
func (s *clientStore) publish(u *store.Update, prepared store.Prepared, decide func(*eval.Snapshot) store.Decision) (p published) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.c.view.Load()
	p.before = old.snapshot
	if s.c.closed.Load() {
		return p
	}
	p.decision = decide(old.snapshot)
	p.decision.Terms.Arrived = s.now.Load() + 1
	snapshot, change := old.snapshot.ApplyOn(u, prepared, &p.decision.Terms)
	if snapshot != old.snapshot && !s.c.view.CompareAndSwap(old, &view{snapshot: snapshot, serving: old.serving || snapshot.Synced()}) {
		return p // Close has replaced the view meanwhile
	}
	if snapshot != old.snapshot || p.decision.Held > 0 {
		s.now.Add(1)
	}
	s.updates.Add(1)
	s.held.log(s.c.immediateLog, &p.decision)
	p.after, p.change = snapshot, change
	return p
}

// warnEmpty logs a warning about an empty first snapshot, on platforms that respond
// with an empty snapshot to an unknown secret.
func (s *clientStore) warnEmpty(old *eval.Snapshot, u *store.Update) {
	if s.c.cfg.codec.EmptyIsOdd && !old.Synced() && len(u.Flags)+len(u.Segments) == 0 {
		s.c.log.Warn("ffc: the environment has no flags and no segments: if that is wrong, check the secret")
	}
}

// warnSegments logs a warning, once for each client, if flags use segments but the
// responses have none, as with polling on classic. The rules of these flags
// evaluate with the segments of the bootstrap or of another transport, which are
// never updated, or without segments.
func (s *clientStore) warnSegments(snapshot *eval.Snapshot, u *store.Update) {
	if !u.NoSegments || s.segmentsWarned.Load() {
		return
	}
	flag, segment := snapshot.SegmentUse()
	if flag == "" || !s.segmentsWarned.CompareAndSwap(false, true) {
		return
	}
	s.c.log.Warn("ffc: polling does not update segments on this platform: rules that use them evaluate with outdated segments or with none",
		"flag", safelog.Quote(flag), "segment", safelog.Quote(segment), "advice", "use &stream.Transport{} or &stream.Transport{OnDemand: true}")
}

// Confirm implements transport.Store.
func (s *clientStore) Confirm() {
	s.completed()
	if s.c.status.confirm() {
		s.c.logStatus()
	}
}

// completed notes that the data is complete up to its version.
func (s *clientStore) completed() {
	if snapshot := s.c.view.Load().snapshot; snapshot.Synced() {
		s.complete.Store(snapshot.Version())
	}
}

// ConfirmAsOf implements transport.Store.
func (s *clientStore) ConfirmAsOf(asOf time.Time) {
	if !s.engine.Load() {
		s.completed()
	}
	s.c.status.appliedAsOf(asOf)
	if s.c.status.set(StateOK, nil) {
		s.c.logStatus()
	}
}

// Interrupted implements transport.Store.
func (s *clientStore) Interrupted(err error) { s.c.setStatus(StateInterrupted, err) }

// Off implements transport.Store.
func (s *clientStore) Off(err error) { s.c.setStatus(StateOff, err) }

// Fallback implements transport.Store.
func (s *clientStore) Fallback(active bool) {
	b := &s.c.status
	b.mu.Lock()
	changed := b.fallback != active
	b.fallback = active
	if changed {
		send(b.listeners.all(), nil)
	}
	b.mu.Unlock()
	if changed {
		if active {
			s.c.log.Warn("ffc: the transport's fallback keeps the data up to date")
		} else {
			s.c.log.Info("ffc: the transport's fallback has stopped")
		}
	}
}

// AppendData appends the data in the format that package relay publishes, and
// returns the number of its flags, segments and tags. Package relay finds this
// method by a type assertion.
func (s *clientStore) AppendData(dst []byte) ([]byte, int) {
	return s.c.cfg.codec.AppendData(dst, s.c.view.Load().snapshot)
}

// close makes evaluations return fallbacks with ReasonClientNotReady. It does not
// wait for a message that is being applied: publish then finds the view replaced.
func (s *clientStore) close() {
	for {
		old := s.c.view.Load()
		if s.c.view.CompareAndSwap(old, &view{snapshot: old.snapshot}) {
			break
		}
	}
	s.c.setStatus(StateOff, ErrClosed)
}

// OnChange calls f after each change of the data, until stop is called. f gets the
// sorted keys of the flags whose evaluation may have changed; a change of a segment
// or a prerequisite counts for all flags that use it. Evaluations already see the
// change when f is called. The calls come one after the other, from a goroutine of
// their own. If f is slow, several changes are merged into one call. f may call the
// client, including Close. If f panics, the client continues to call it, and the
// panic is logged once.
func (c *Client) OnChange(f func(keys []string)) (stop func()) {
	if c.unmade() {
		return func() {}
	}
	return c.changes.add(&mailbox{
		call:   f,
		merge:  mergeKeys,
		failed: func(v any) { c.notePanic("OnChange", v) },
	})
}

func mergeKeys(lists [][]string) []string {
	if len(lists) == 1 {
		return lists[0]
	}
	keys := slices.Concat(lists...)
	slices.Sort(keys)
	return slices.Compact(keys)
}
