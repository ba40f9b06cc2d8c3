// Package ondemand refreshes data on demand. Between calls no goroutine and no
// timer runs. Transports share it.
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

// Config configures a Refresher. All fields are required.
type Config struct {
	// MaxAge is the age from which Refresh fetches data.
	MaxAge time.Duration
	// Budget limits how long Refresh waits for a fetch.
	Budget time.Duration
	// Timeout limits a fetch, whether or not a call waits for it.
	Timeout time.Duration
	// Retry returns the backoff after a failed fetch, during which no fetch
	// starts.
	Retry retry.Schedule
	// Fetch fetches data once and stores it inside commit.
	Fetch func(ctx context.Context, commit Commit) error
	// Failed is called with the error of a failed fetch, before the calls that
	// wait for the fetch return. final means that no other fetch follows. It is
	// not called for a fetch that Close ends.
	Failed func(err error, final bool)
}

// Commit runs store, or returns an error if the fetch has been abandoned. When
// store returns true and no error, the fetch has succeeded, and the calls that
// wait for it return.
type Commit func(store func() (done bool, err error)) error

// Failure is an error of Config.Fetch that says when to retry.
type Failure struct {
	Err        error
	RetryAfter time.Duration // the minimum backoff; 0 means that of Config.Retry
	Final      bool          // do not retry
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

var (
	errLate      = errors.New("the platform has not responded in time; a later response will still be used")
	errTimeout   = errors.New("the platform has not responded in time")
	errAbandoned = errors.New("the fetch has been abandoned")
	errClosed    = errors.New("closed")
)

// Refresh may use a quarter of the time until the deadline: its unit of work
// needs the rest.
const quarter = 4

// Refresher refreshes data on demand. Its methods may be called concurrently.
type Refresher struct {
	cfg     Config
	maxAge  time.Duration // MaxAge less a random part
	fresh   atomic.Pointer[time.Time]
	running sync.WaitGroup
	closing chan struct{} // closed when Close begins

	mu       sync.Mutex // guards the rest; no function of Config is called under it
	fetching *fetch     // nil if none is under way
	failed   failed     // the last fetch; zero if it succeeded
	final    error      // set when no more fetches follow
	closed   bool
	fetches  uint64        // that have ended
	took     time.Duration // their time in all
}

// failed is a failed fetch.
type failed struct {
	err   error
	at    time.Time
	pause time.Duration // the backoff, from at to the next fetch
}

// fetch is one call of Config.Fetch. Refresher.mu guards what changes.
type fetch struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when err is set
	err    error

	waited    time.Time // when Refresh first waited for it; zero if it has not
	storing   bool      // Commit runs: too late to abandon it
	concluded bool      // its outcome is known; later outcomes are ignored
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

// Refresh returns nil if the data is younger than MaxAge, and fetches data if
// it is not. A call waits for at most a quarter of the time until the deadline
// of ctx, and all calls together wait at most Budget for one fetch. Data that
// arrives later is still used. After a failed fetch Refresh returns its error
// at once until the backoff is over.
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
	if wait := r.waitFor(ctx, f); wait > 0 {
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

// waitFor returns how long a call of Refresh may wait for a fetch. Budget counts
// from the first such call. A call with little time does not shorten the wait of
// other calls.
func (r *Refresher) waitFor(ctx context.Context, f *fetch) time.Duration {
	r.mu.Lock()
	if f.waited.IsZero() {
		f.waited = time.Now()
	}
	wait := r.cfg.Budget - clock.Age(f.waited)
	r.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/quarter)
	}
	return wait
}

// Load fetches data, fresh or not, and retries until a fetch succeeds, a failure
// is final, ctx ends, or Close is called.
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
		wait, ok := r.untilRetry()
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

// untilRetry returns the time until the next fetch may start. It returns false if
// none will.
func (r *Refresher) untilRetry() (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.final != nil {
		return 0, false
	}
	return r.failed.left(), true
}

// left returns the rest of the backoff.
func (f *failed) left() time.Duration { return f.pause - clock.Age(f.at) }

// join returns the fetch to wait for, and starts one if none is under way. If
// none may start, it returns a nil fetch and an error. If freshWillDo and the
// data is fresh, both are nil.
func (r *Refresher) join(ctx context.Context, freshWillDo bool) (*fetch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.awaitConcludedLocked(ctx); err != nil {
		return nil, err
	}
	if f := r.fetching; f != nil && !f.storing && clock.Age(f.began) > r.cfg.Timeout {
		// The process was frozen, and the timeout of the fetch with it. By now
		// the platform has closed the request.
		f.cancel()
		r.concludeLocked(f, errTimeout)
	}
	switch {
	case r.closed:
		return nil, errClosed
	case r.final != nil:
		return nil, r.final
	case r.fetching != nil:
		return r.fetching, nil
	case freshWillDo && r.isFresh(): // the fetch of another call has just ended
		return nil, nil
	case r.failed.err != nil && r.failed.left() > 0:
		return nil, fmt.Errorf("trying again later, after: %w", r.failed.err)
	}
	return r.startLocked(), nil
}

// awaitConcludedLocked waits until the failure of a fetch has been reported. Do
// not join a fetch that has already failed: after a thaw it predates the freeze.
// It unlocks mu while it waits.
func (r *Refresher) awaitConcludedLocked(ctx context.Context) error {
	for r.fetching != nil && r.fetching.concluded {
		done := r.fetching.done
		r.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
		}
		r.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// startLocked starts a fetch.
func (r *Refresher) startLocked() *fetch {
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	f := &fetch{began: time.Now(), cancel: cancel, done: make(chan struct{})}
	r.fetching = f
	r.running.Go(func() {
		defer cancel()
		r.finish(f, r.cfg.Fetch(ctx, func(store func() (bool, error)) error { return r.commit(f, store) }))
	})
	return f
}

// finish records the outcome of a fetch, unless the outcome is known already.
func (r *Refresher) finish(f *fetch, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !f.concluded {
		r.concludeLocked(f, err)
	}
}

// commit is the Commit of a fetch.
func (r *Refresher) commit(f *fetch, store func() (done bool, err error)) error {
	if !r.setStoring(f, true) {
		return errAbandoned
	}
	done, err := store()
	if done && err == nil {
		r.finish(f, nil)
	}
	r.setStoring(f, false)
	return err
}

// setStoring records whether a fetch is storing data, so that it cannot be
// abandoned. It returns false if the fetch has been abandoned.
func (r *Refresher) setStoring(f *fetch, storing bool) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.storing = storing
	return !f.concluded
}

// concludeLocked records the outcome of a fetch and reports a failure. It
// unlocks mu while it reports: calls that wait return, and another fetch can
// start, only after Config.Failed has returned.
func (r *Refresher) concludeLocked(f *fetch, err error) {
	f.concluded = true
	r.fetches++
	r.took += min(clock.Age(f.began), r.cfg.Timeout) // not a freeze
	switch {
	case r.closed:
		err = errClosed
	case err == nil:
		r.failed = failed{}
		r.cfg.Retry.Reset()
		r.fresh.Store(&f.began) // the data is as old as the request
	default:
		r.failLocked(f, err)
		final := r.final != nil
		r.mu.Unlock()
		r.cfg.Failed(err, final)
		r.mu.Lock()
	}
	f.err = err
	close(f.done)
	r.fetching = nil
}

// failLocked records a failure and the backoff after it.
func (r *Refresher) failLocked(f *fetch, err error) {
	r.failed = failed{
		err: err,
		// Not later than the timeout of the fetch: if the process was frozen
		// since then, that time is part of the backoff.
		at:    time.Now().Add(-max(clock.Age(f.began)-r.cfg.Timeout, 0)),
		pause: r.cfg.Retry.Next(clock.Age(f.began)),
	}
	if why, ok := errors.AsType[*Failure](err); ok {
		r.failed.pause = max(r.failed.pause, why.RetryAfter)
		if why.Final {
			r.final = err
		}
	}
}

// Fetches returns the number of fetches that have ended, and their time in all. Each
// counts at most Timeout, even if the process was frozen.
func (r *Refresher) Fetches() (n uint64, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetches, r.took
}

// Close ends the fetch that is under way and waits for it. Load and Refresh fail
// from then on. Close may be called more than once.
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
