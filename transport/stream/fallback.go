package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// fallback is the second transport, which keeps the data current while the
// socket cannot. One without a transport does nothing.
//
// The store hears of the fallback, and of failures of either transport, under
// the lock: so the two cannot contradict each other. Nothing that waits is
// called under it.
type fallback struct {
	transport transport.Transport
	env       transport.Env
	patience  time.Duration
	retry     time.Duration // before it starts again after a refusal that is final for it
	trust     func()        // called when the platform took the secret
	running   sync.WaitGroup

	mu     sync.Mutex
	wanted bool         // the socket does not work
	timer  *time.Timer  // starts it when patience is over; nil while it is not wanted
	store  *secondStore // of the session that runs; nil if none does
	cancel context.CancelFunc
	serves bool // the data comes from the session that runs
	// refused: the last session gave up, and timer starts another one.
	refused bool
}

// interrupted notes why the socket does not work, which does not matter to the
// data as long as the fallback serves.
func (f *fallback) interrupted(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.serves {
		f.env.Store.Interrupted(err)
	}
}

// note tells the store whether the fallback serves, if that is new. The lock is
// held.
func (f *fallback) note(serves bool) {
	if f.serves != serves {
		f.serves = serves
		f.env.Store.Fallback(serves)
	}
}

// prepare starts the fallback unless stop is called within its patience, part
// of which is random: when a platform restarts, its clients should not begin
// to poll all at once.
func (f *fallback) prepare(ctx context.Context) {
	if f.transport == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = true
	if f.timer == nil {
		patience := retry.Lengthen(f.patience, 0.5)
		f.timer = time.AfterFunc(patience, func() { f.start(ctx) })
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
		return // not possible: it was tried when the client was made
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.store = store
	f.running.Go(func() { run(ctx, session) })
}

// startAgain starts the fallback after a session that gave up.
func (f *fallback) startAgain(ctx context.Context) {
	f.mu.Lock()
	f.refused = false
	f.mu.Unlock()
	f.start(ctx)
}

// tick is how often a fallback that works on demand is asked. As long as the
// data is fresh that costs next to nothing.
const tick = time.Second

// run keeps data current with a session of any kind. What goes wrong is told
// to the store.
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

// stop ends the fallback, as the socket works or nothing does any more. It does
// not wait for what is under way, which does not count any more.
func (f *fallback) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted, f.refused = false, false
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	if f.store != nil {
		f.end()
		f.note(false)
	}
}

// end ends the session that runs. The lock is held.
func (f *fallback) end() {
	f.cancel()
	f.store, f.cancel = nil, nil
}

// secondStore is the store as one session of the fallback sees it.
type secondStore struct {
	transport.Store
	f        *fallback
	again    func()      // starts another session
	answered atomic.Bool // by the platform itself, which took the secret
}

// whileItRuns calls tell if the session has not been stopped, and reports
// whether it has not.
func (s *secondStore) whileItRuns(tell func()) bool {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.f.store != s {
		return false
	}
	tell()
	return true
}

// Apply implements transport.Store. It takes time, so it does without the lock:
// if the session is stopped meanwhile the data is as good as it was.
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

// Confirm implements transport.Store. A platform that has data for a secret took
// the secret; FeatBit answers with nothing to a secret that it does not know.
func (s *secondStore) Confirm() {
	s.whileItRuns(func() {
		s.f.note(true)
		s.Store.Confirm()
		if s.answered.Load() && s.Version() > 0 {
			s.f.trust()
		}
	})
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
		s.f.note(true)
		s.Store.ConfirmAsOf(asOf)
	})
}

// Interrupted implements transport.Store: now nothing serves current data.
func (s *secondStore) Interrupted(err error) {
	s.whileItRuns(func() {
		s.f.note(false)
		s.Store.Interrupted(err)
	})
}

// Off implements transport.Store. It is not final: the socket may still come to
// work, and this session may have met a firewall. Another session starts later.
func (s *secondStore) Off(err error) {
	s.whileItRuns(func() {
		s.f.note(false)
		s.Store.Interrupted(err)
		s.f.end()
		s.f.refused = true
		s.f.timer = time.AfterFunc(retry.Lengthen(s.f.retry, retry.Jitter), s.again)
	})
}
