package stream

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// fallback is the second transport, which keeps the data current while the
// websocket does not work. Without a transport it does nothing.
//
// The fallback, and failures of either transport, are reported to the store under
// the lock, so that the two cannot contradict each other. Nothing that blocks is
// called under it.
type fallback struct {
	transport transport.Transport
	env       transport.Env
	after     time.Duration // without a connection before it starts
	retry     time.Duration // before it starts again after the platform rejected it
	trust     func()        // is called when the platform accepted the secret
	running   sync.WaitGroup

	mu      sync.Mutex
	wanted  bool         // the websocket does not work
	timer   *time.Timer  // starts the fallback, or has; nil while it is not wanted
	store   *secondStore // of the session that runs; nil if none does
	cancel  context.CancelFunc
	serves  bool // the data comes from the session that runs
	refused bool // the last session stopped for good; timer starts another

	live map[*secondStore]transport.Session // that have not ended
	past transport.Stats                    // of sessions that have ended
}

// stats returns what all sessions of the fallback did. It does not hold the lock
// while it calls sessions: they may report to the store meanwhile.
func (f *fallback) stats() transport.Stats {
	f.mu.Lock()
	sum, live := f.past, maps.Clone(f.live)
	f.mu.Unlock()
	for _, session := range live {
		add(&sum, session.Stats())
	}
	return sum
}

// runAndCount runs a session until it ends, and keeps its counts.
func (f *fallback) runAndCount(ctx context.Context, session transport.Session, store *secondStore) {
	run(ctx, session)
	stats := session.Stats()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.live, store)
	add(&f.past, stats)
}

func add(sum *transport.Stats, s transport.Stats) {
	sum.Connects += s.Connects
	sum.Failures += s.Failures
	sum.Fetches += s.Fetches
	sum.FetchTime += s.FetchTime
}

// interrupted reports why the websocket does not work, unless the fallback serves.
func (f *fallback) interrupted(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.serves {
		f.env.Store.Interrupted(err)
	}
}

// noteLocked notifies the store if the fallback has begun or ended to serve.
func (f *fallback) noteLocked(serves bool) {
	if f.serves != serves {
		f.serves = serves
		f.env.Store.Fallback(serves)
	}
}

// prepare starts the fallback after FallbackAfter and a random part of that, unless
// stop is called before. When a platform restarts, its clients must not begin to
// poll all at once.
func (f *fallback) prepare(ctx context.Context) {
	if f.transport == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = true
	if f.timer == nil {
		f.timer = time.AfterFunc(retry.Lengthen(f.after, 0.5), func() { f.start(ctx) })
	}
}

// start starts the fallback if it is wanted and does not run.
func (f *fallback) start(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.wanted || f.store != nil || f.refused {
		return
	}
	store := &secondStore{Store: f.env.Store, f: f, again: func() { f.startAgain(ctx) }}
	env := f.env
	env.Store = store
	env.Background = true
	session, err := f.transport.Open(env)
	if err != nil {
		return // not possible: New opened one, too
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.store = store
	if f.live == nil {
		f.live = make(map[*secondStore]transport.Session)
	}
	f.live[store] = session
	f.running.Go(func() { f.runAndCount(ctx, session, store) })
}

// startAgain starts the fallback after a session that stopped for good.
func (f *fallback) startAgain(ctx context.Context) {
	f.mu.Lock()
	f.refused = false
	f.mu.Unlock()
	f.start(ctx)
}

// tick is the time between calls of a fallback that works on demand. While the
// data is fresh they cost next to nothing.
const tick = time.Second

// run keeps data current with a session of either kind. Errors reach the store.
func run(ctx context.Context, session transport.Session) {
	switch session := session.(type) {
	case transport.Runner:
		session.Run(ctx)
	case transport.Refresher:
		defer session.Close()
		_ = session.Load(ctx)
		for retry.Sleep(ctx, tick, nil) {
			_ = session.Refresh(ctx)
		}
	}
}

// stop ends the fallback. It does not wait for requests that are under way; what
// they bring is ignored.
func (f *fallback) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted, f.refused = false, false
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	if f.store != nil {
		f.endLocked()
		f.noteLocked(false)
	}
}

// endLocked ends the session that runs.
func (f *fallback) endLocked() {
	f.cancel()
	f.store, f.cancel = nil, nil
}

// secondStore is the store as one session of the fallback sees it.
type secondStore struct {
	transport.Store
	f        *fallback
	again    func()      // starts another session
	answered atomic.Bool // by the platform itself, which accepted the secret
}

// whileItRuns calls tell unless the session has been stopped. It returns false if
// the session has been stopped.
func (s *secondStore) whileItRuns(tell func()) bool {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.f.store != s {
		return false
	}
	tell()
	return true
}

// Apply implements transport.Store. It takes long, so it does not hold the lock:
// if the session is stopped meanwhile, its data is still valid.
func (s *secondStore) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	if !s.whileItRuns(func() {}) {
		return transport.Applied{}, context.Canceled
	}
	applied, err := s.Store.Apply(message, asked)
	if err == nil && asked != 0 {
		s.answered.Store(true)
	}
	return applied, err
}

// Confirm implements transport.Store. A platform that has data for a secret
// accepts the secret; FeatBit returns no data for a secret that it does not know.
func (s *secondStore) Confirm() {
	s.whileItRuns(func() {
		s.f.noteLocked(true)
		s.Store.Confirm()
		if s.answered.Load() && s.Version() > 0 {
			s.f.trust()
		}
	})
}

// Answered implements resync.Witness.
func (s *secondStore) Answered(at time.Time) {
	if w, ok := s.Store.(resync.Witness); ok {
		s.whileItRuns(func() { w.Answered(at) })
	}
}

// ApplyAsOf implements transport.Store, as Apply does. Data of an engine does not
// show that the platform took the secret.
func (s *secondStore) ApplyAsOf(message []byte, asked transport.Mark, asOf time.Time) (transport.Applied, error) {
	if !s.whileItRuns(func() {}) {
		return transport.Applied{}, context.Canceled
	}
	return s.Store.ApplyAsOf(message, asked, asOf)
}

// ConfirmAsOf implements transport.Store.
func (s *secondStore) ConfirmAsOf(asOf time.Time) {
	s.whileItRuns(func() {
		s.f.noteLocked(true)
		s.Store.ConfirmAsOf(asOf)
	})
}

// Interrupted implements transport.Store: neither transport has current data now.
func (s *secondStore) Interrupted(err error) {
	s.whileItRuns(func() {
		s.f.noteLocked(false)
		s.Store.Interrupted(err)
	})
}

// Off implements transport.Store. It is not final: the websocket may work later,
// and a firewall may have rejected this session. Another session starts later.
func (s *secondStore) Off(err error) {
	s.whileItRuns(func() {
		s.f.noteLocked(false)
		s.Store.Interrupted(err)
		s.f.endLocked()
		s.f.refused = true
		s.f.timer.Stop() // it has not fired if the fallback started at once
		s.f.timer = time.AfterFunc(retry.Lengthen(s.f.retry, retry.Jitter), s.again)
	})
}
