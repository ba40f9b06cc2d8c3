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
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// clientStore is the client's end of the transport: it takes messages and publishes
// the data in them.
//
// Its lock orders messages while they are merged. Nothing is decoded, compiled
// or called under it, and neither readers nor Close take it.
type clientStore struct {
	c      *Client
	source *eval.Source
	mu     sync.Mutex
	// updates counts messages applied, for Stats.
	updates atomic.Uint64
	// complete is the version of the data when it was last the platform's.
	complete atomic.Int64
	// now is where the timeline of marks stands. It moves on with each update
	// that changed something or was held back, so that what is asked for after
	// an answer that was held is another question.
	now       atomic.Uint64
	hold      store.Hold // guarded by mu
	held      heldLog    // guarded by mu
	malformed malformedLog
	// segmentsWarned: warnSegments has logged its line.
	segmentsWarned atomic.Bool
}

var _ transport.Store = (*clientStore)(nil)

func (s *clientStore) init(c *Client) {
	s.c = c
	s.now.Store(1) // 0 is before everything
	s.source = &eval.Source{
		Semantics:     c.cfg.codec.Semantics,
		DecodeFlag:    c.cfg.codec.DecodeFlag,
		DecodeSegment: c.cfg.codec.DecodeSegment,
		Report: func(p eval.Problem) {
			// Flags are compiled when they are first evaluated.
			s.malformed.report(c.promptLog, p)
		},
		GaveUp: func(p eval.Problem) {
			c.promptLog.Warn("ffc: a regular expression could not decide", "error", p.Error())
		},
		Omit: func(key string) bool { return slices.Contains(c.cfg.Events.OmitFlags, key) },
	}
	c.view.Store(&view{snapshot: eval.NewSnapshot(s.source), serving: c.cfg.Offline})
}

// bootstrap loads Config.Bootstrap.
func (s *clientStore) bootstrap(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if err := platform.CheckOrigin(s.c.cfg.codec.Protocol, s.c.cfg.EnvSecret, data); err != nil {
		var foreign *platform.ForeignError
		if !errors.As(err, &foreign) {
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
		return fmt.Errorf("the message has %d unusable elements, the first being %s", update.Unusable, safelog.Data(skipped[0].Error()))
	}
	s.c.view.Store(&view{snapshot: s.c.view.Load().snapshot.Bootstrap(update), serving: true})
	return nil
}

// foreignAdvice says what to do about a bootstrap of another environment.
const foreignAdvice = "take one with ffc snapshot and this secret, or set Config.IgnoreForeignBootstrap to start without cached data"

// Version implements transport.Store. A bootstrap does not count: the platform
// has to be asked for everything.
func (s *clientStore) Version() int64 { return s.complete.Load() }

// Mark implements transport.Store.
func (s *clientStore) Mark() transport.Mark { return transport.Mark(s.now.Load()) }

// holdFor sets over how long answers with older data must agree.
func (s *clientStore) holdFor(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold.After = d
}

// Apply implements transport.Store.
func (s *clientStore) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	update, skipped, err := s.c.cfg.codec.Update(message)
	if err != nil {
		return transport.Applied{}, &transport.Error{Kind: transport.KindData, Err: safelog.Error(err)}
	}
	s.malformed.tell(s.c.log, skipped, update.Unusable, update.Full)
	prepared := s.c.view.Load().snapshot.Prepare(update)
	return s.applied(update, s.publish(update, prepared, func(old *eval.Snapshot) store.Decision {
		return s.hold.Decide(old, update, uint64(asked))
	}))
}

// ApplyAsOf implements transport.Store.
func (s *clientStore) ApplyAsOf(message []byte, asked transport.Mark, asOf time.Time) (transport.Applied, error) {
	update, skipped, err := s.c.cfg.codec.Update(message)
	if err == nil && !update.Full {
		err = errNotWhole
	}
	if err != nil {
		return transport.Applied{}, &transport.Error{Kind: transport.KindData, Err: safelog.Error(err)}
	}
	s.malformed.tell(s.c.log, skipped, update.Unusable, update.Full)
	prepared := s.c.view.Load().snapshot.Prepare(update)
	applied, err := s.applied(update, s.publish(update, prepared, func(*eval.Snapshot) store.Decision {
		s.hold = store.Hold{After: s.hold.After} // what answers said of other data says nothing of this
		s.complete.Store(0)
		return store.Decision{Terms: store.Terms{Asked: cmp.Or(uint64(asked), s.now.Load())}}
	}))
	if err == nil {
		s.c.status.appliedAsOf(asOf)
	}
	return applied, err
}

var errNotWhole = errors.New("the message has changes only: expected all data")

// applied tells those whom an update concerns that it is published.
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
	// Those who begin to listen from here on see the change already.
	listeners := s.c.changes.all()
	if update.Full {
		s.tellEmpty(p.before, update)
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

// publish makes an update visible to evaluations, as decide decides. After Close
// it does not. The lock is held while decide runs.
func (s *clientStore) publish(u *store.Update, prepared *eval.Prepared, decide func(*eval.Snapshot) store.Decision) (p published) {
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
		return p // closed meanwhile
	}
	if snapshot != old.snapshot || p.decision.Held > 0 {
		s.now.Add(1)
	}
	s.updates.Add(1)
	s.held.log(s.c.promptLog, &p.decision)
	p.after, p.change = snapshot, change
	return p
}

// tellEmpty warns of a first full without anything in it, where that is what a
// platform answers to a secret it does not know.
func (s *clientStore) tellEmpty(old *eval.Snapshot, u *store.Update) {
	if s.c.cfg.codec.EmptyIsOdd && !old.Synced() && len(u.Flags)+len(u.Segments) == 0 {
		s.c.log.Warn("ffc: the environment has no flags and no segments: if that is wrong, check the secret")
	}
}

// warnSegments warns, once for a client, of flags that use segments where
// answers have none, as those of classic's polling route. Their rules evaluate
// with the segments of the bootstrap or of another transport, which nothing
// updates, or with none.
func (s *clientStore) warnSegments(snapshot *eval.Snapshot, u *store.Update) {
	if !u.NoSegments || s.segmentsWarned.Load() {
		return
	}
	flag, segment := snapshot.SegmentUse()
	if flag == "" || !s.segmentsWarned.CompareAndSwap(false, true) {
		return
	}
	s.c.log.Warn("ffc: polling does not update segments on this platform: rules that use them evaluate with outdated segments or with none; use &stream.Transport{} or &stream.Transport{OnDemand: true}",
		"flag", safelog.Quote(flag), "segment", safelog.Quote(segment))
}

// Confirm implements transport.Store.
func (s *clientStore) Confirm() {
	if snapshot := s.c.view.Load().snapshot; snapshot.Synced() {
		s.complete.Store(snapshot.Version())
	}
	if s.c.status.confirm() {
		s.c.logStatus()
	}
}

// ConfirmAsOf implements transport.Store.
func (s *clientStore) ConfirmAsOf(asOf time.Time) {
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
		send(b.listeners.all(), struct{}{})
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

// AppendData appends the data as package relay publishes it, and returns the number
// of its flags, segments and tags. Package relay finds the method by assertion.
func (s *clientStore) AppendData(dst []byte) ([]byte, int) {
	return s.c.cfg.codec.AppendData(dst, s.c.view.Load().snapshot)
}

// close makes evaluations answer that the client is not ready. It does not wait
// for a message that is just being applied: that finds the view replaced.
func (s *clientStore) close() {
	for {
		old := s.c.view.Load()
		if s.c.view.CompareAndSwap(old, &view{snapshot: old.snapshot}) {
			break
		}
	}
	s.c.setStatus(StateOff, ErrClosed)
}

// OnChange calls f with the keys of flags whose evaluation may have changed,
// sorted, after the change is visible, until stop is called. A change of a
// segment or a prerequisite counts for the flags that use it. The calls come
// one after the other, from a goroutine of their own; if f is slow, changes are
// merged into one call. f may call the client, Close included.
func (c *Client) OnChange(f func(keys []string)) (stop func()) {
	return c.changes.add(&mailbox[[]string]{
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
