// Package ondemand brings data up to date when somebody asks for it, and does
// nothing in between: no goroutine, no timer. Transports that work on demand
// share it.
package ondemand

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// Config says how a Refresher works. All fields are needed.
type Config struct {
	// MaxAge is how old data may be without being refreshed.
	MaxAge time.Duration
	// Budget is how long Refresh waits.
	Budget time.Duration
	// Timeout is how long a fetch may take, with or without somebody waiting.
	Timeout time.Duration
	// Retry is how long there is no fetch after one that failed.
	Retry retry.Schedule
	// Fetch gets data once. It stores what it got inside commit.
	Fetch func(ctx context.Context, commit Commit) error
	// Failed is told why a fetch failed, before those who wait for it go on;
	// final is when there will be no other. Close is no failure.
	Failed func(err error, final bool)
}

// Commit runs store, unless the fetch has been given up meanwhile: then it
// returns an error. If store says that all is done, the fetch has succeeded,
// and those who wait for it go on.
type Commit func(store func() (done bool, err error)) error

// Failure is an error of a fetch that knows more.
type Failure struct {
	Err        error
	RetryAfter time.Duration // try again no sooner
	Final      bool          // never try again
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

var (
	errLate    = errors.New("the platform has not answered in time; the answer will be used when it comes")
	errTimeout = errors.New("the platform has not answered in time")
	errGivenUp = errors.New("given up meanwhile")
	errClosed  = errors.New("closed")
)

// quarter is the part of a deadline that Refresh may use: the work that it is
// done for needs the rest.
const quarter = 4

// Refresher refreshes data on demand. Its methods may be called concurrently.
type Refresher struct {
	cfg     Config
	maxAge  time.Duration // less this process's share of the jitter
	fresh   atomic.Pointer[time.Time]
	running sync.WaitGroup

	closing chan struct{} // closed when Close begins

	mu       sync.Mutex // guards the rest; nothing is called under it
	fetching *fetch
	closed   bool
	end      error // final
	failure  error // of the last fetch; nil if it succeeded
	failedAt time.Time
	pause    time.Duration // after failedAt
}

// fetch is one call of Config.Fetch.
type fetch struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when err is known
	err    error

	asked time.Time // when Refresh first waited for it; zero is never
	busy  bool      // storing what it got: too late to give it up
	over  bool      // its outcome is known; only the first counts
}

// New returns a Refresher.
func New(cfg Config) *Refresher {
	return &Refresher{
		cfg: cfg,
		// Processes that start together must not fetch together from then on.
		maxAge:  retry.Shorten(cfg.MaxAge, 0.1),
		closing: make(chan struct{}),
	}
}

// Refresh returns nil if the data is no older than MaxAge, after a fetch if
// need be. It waits no longer than a quarter of the time ctx has, and all calls
// together wait no longer than Budget for one fetch; an answer that comes later
// is used all the same. After a failure it does nothing for a while, and
// returns why.
func (r *Refresher) Refresh(ctx context.Context) error {
	if r.isFresh() {
		return nil
	}
	return r.refresh(ctx)
}

func (r *Refresher) isFresh() bool {
	t := r.fresh.Load()
	return t != nil && clock.Age(*t) < r.maxAge
}

func (r *Refresher) refresh(ctx context.Context) error {
	f, err := r.join(ctx, true)
	if f == nil {
		return err
	}
	if wait := r.patience(ctx, f); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-f.done:
			return f.err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
	select {
	case <-f.done:
		return f.err
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errLate
}

// patience returns how long a call of Refresh may wait for a fetch. Budget is
// counted from the first such call: one that has little time itself must not
// end it for the others.
func (r *Refresher) patience(ctx context.Context, f *fetch) time.Duration {
	r.mu.Lock()
	if f.asked.IsZero() {
		f.asked = time.Now()
	}
	wait := r.cfg.Budget - clock.Age(f.asked)
	r.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/quarter)
	}
	return wait
}

// Load fetches data, fresh or not, and tries again after failures, until it
// has succeeded, there is no hope, ctx ends, or Close is called.
func (r *Refresher) Load(ctx context.Context) error {
	for {
		f, err := r.join(ctx, false)
		if f != nil {
			select {
			case <-f.done:
				err = f.err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err == nil {
			return nil
		}
		wait, ok := r.nextTry()
		if !ok {
			return err
		}
		if retry.Sleep(ctx, wait, r.closing) {
			continue
		}
		select {
		case <-r.closing:
			return errClosed
		default:
			return err
		}
	}
}

// nextTry returns how long nothing is tried; not ok is for ever.
func (r *Refresher) nextTry() (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.end != nil {
		return 0, false
	}
	return r.pause - clock.Age(r.failedAt), true
}

// join returns the fetch to wait for, starting one if there is none, or the
// reason why there is none. If fresh data will do, that is no reason but nil.
func (r *Refresher) join(ctx context.Context, freshWillDo bool) (*fetch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// One that has failed, which is just being told, is not to be joined: on a
	// thaw that is the fetch from before the freeze, for which nobody waits any
	// more, and what counts is whether another may begin.
	for r.fetching != nil && r.fetching.over {
		done := r.fetching.done
		r.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
		}
		r.mu.Lock()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	if f := r.fetching; f != nil && !f.busy && !f.over && clock.Age(f.began) > r.cfg.Timeout {
		// Its timeout stood still with the process, and by now the platform has
		// forgotten the request.
		f.cancel()
		r.conclude(f, errTimeout)
	}
	switch {
	case r.closed:
		return nil, errClosed
	case r.end != nil:
		return nil, r.end
	case r.fetching != nil:
		return r.fetching, nil
	case freshWillDo && r.isFresh(): // another caller's fetch has just ended
		return nil, nil
	case r.failure != nil && clock.Age(r.failedAt) < r.pause:
		return nil, fmt.Errorf("trying again later, after: %w", r.failure)
	}
	return r.start(), nil
}

// start starts a fetch. The lock is held.
func (r *Refresher) start() *fetch {
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	f := &fetch{began: time.Now(), cancel: cancel, done: make(chan struct{})}
	r.fetching = f
	r.running.Go(func() {
		defer cancel()
		r.finish(f, r.cfg.Fetch(ctx, func(store func() (bool, error)) error { return r.commit(f, store) }))
	})
	return f
}

// finish notes the outcome of a fetch, unless it is known already.
func (r *Refresher) finish(f *fetch, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !f.over {
		r.conclude(f, err)
	}
}

// commit stores what a fetch got.
func (r *Refresher) commit(f *fetch, store func() (done bool, err error)) error {
	if !r.setBusy(f, true) {
		return errGivenUp
	}
	done, err := store()
	if done && err == nil {
		r.finish(f, nil)
	}
	r.setBusy(f, false)
	return err
}

// setBusy notes that a fetch must not be given up, or may be again. It reports
// whether it has not been.
func (r *Refresher) setBusy(f *fetch, on bool) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.busy = on
	return !f.over
}

// conclude notes the outcome of a fetch and tells of a failure. The lock is
// held, but not meanwhile: those who wait go on, and another fetch may begin,
// only when the client knows.
func (r *Refresher) conclude(f *fetch, err error) {
	f.over = true
	switch {
	case r.closed:
		err = errClosed
	case err == nil:
		r.failure = nil
		r.cfg.Retry.Reset()
		r.fresh.Store(&f.began) // what the platform knew when it was asked
	default:
		r.fail(f, err)
		final := r.end != nil
		r.mu.Unlock()
		r.cfg.Failed(err, final)
		r.mu.Lock()
	}
	f.err = err
	close(f.done)
	r.fetching = nil
}

// fail notes when to try again. The lock is held.
func (r *Refresher) fail(f *fetch, err error) {
	// Dated no later than its timeout: a process that was frozen since has
	// waited already.
	r.failedAt = time.Now().Add(-max(clock.Age(f.began)-r.cfg.Timeout, 0))
	r.failure = err
	r.pause = r.cfg.Retry.Next(clock.Age(f.began))
	if why := (*Failure)(nil); errors.As(err, &why) {
		r.pause = max(r.pause, why.RetryAfter)
		if why.Final {
			r.end = err
		}
	}
}

// Close ends the fetch that is under way, if any, waits for it and lets none
// begin: from now on Load and Refresh fail. It may be called more than once.
func (r *Refresher) Close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
		r.fresh.Store(nil)
	}
	if r.fetching != nil {
		r.fetching.cancel()
	}
	r.mu.Unlock()
	r.running.Wait()
}
