package ondemand

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// source is where the Refresher under test gets its data. The test answers
// each fetch.
type source struct {
	*Refresher
	t    *testing.T
	asks chan *ask

	// set before the first fetch:
	deaf       bool                        // fetches go on when their context has ended
	onFailed   func()                      // is called when a failure is told
	storing    func() (done bool, e error) // what storing comes to; nil is success
	lingers    time.Duration               // how long fetches go on after storing
	unprompted bool                        // fetches succeed at once, unseen

	mu     sync.Mutex
	stored int
	told   []failure
}

// ask is one fetch that waits for its answer: nil is data.
type ask struct {
	at     time.Time
	ctx    context.Context
	answer chan error
	result error // of commit, or of the fetch; read it after done
	done   chan struct{}
}

// failure is what Config.Failed was told.
type failure struct {
	err   error
	final bool
}

// newSource returns a Refresher with default settings; configure may be nil.
func newSource(t *testing.T, configure func(*Config)) *source {
	s := &source{t: t, asks: make(chan *ask, 10_000)}
	cfg := Config{
		MaxAge:  30 * time.Second,
		Budget:  500 * time.Millisecond,
		Timeout: 10 * time.Second,
		Retry:   &retry.Backoff{First: time.Second, Max: time.Minute},
		Fetch:   s.fetch,
		Failed:  s.failed,
	}
	if configure != nil {
		configure(&cfg)
	}
	s.Refresher = New(cfg)
	t.Cleanup(s.Close)
	return s
}

func (s *source) fetch(ctx context.Context, commit Commit) error {
	a := &ask{at: time.Now(), ctx: ctx, answer: make(chan error, 1), done: make(chan struct{})}
	defer close(a.done)
	s.asks <- a
	if s.unprompted {
		a.answer <- nil
	}
	ended := ctx.Done()
	if s.deaf {
		ended = nil
	}
	select {
	case a.result = <-a.answer:
	case <-ended:
		a.result = ctx.Err()
	}
	if a.result == nil {
		a.result = commit(s.store)
		time.Sleep(s.lingers)
	}
	return a.result
}

func (s *source) store() (done bool, err error) {
	s.mu.Lock()
	s.stored++
	s.mu.Unlock()
	if s.storing != nil {
		return s.storing()
	}
	return true, nil
}

func (s *source) failed(err error, final bool) {
	if s.onFailed != nil {
		s.onFailed()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, failure{err, final})
}

// failures returns what Config.Failed was told.
func (s *source) failures() []failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]failure(nil), s.told...)
}

// stores returns how often something was stored.
func (s *source) stores() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored
}

// next waits for a fetch.
func (s *source) next() *ask {
	s.t.Helper()
	select {
	case a := <-s.asks:
		return a
	case <-time.After(time.Hour):
		s.t.Fatal("no fetch begins")
	}
	return nil
}

// outcome is how a call ended.
type outcome struct {
	err  error
	took time.Duration
}

// call calls f in a goroutine of its own.
func call(ctx context.Context, f func(context.Context) error) <-chan outcome {
	done := make(chan outcome, 1)
	began := time.Now()
	go func() {
		err := f(ctx)
		done <- outcome{err, time.Since(began)}
	}()
	return done
}

func (s *source) refresh() <-chan outcome { return call(s.t.Context(), s.Refresh) }

// refreshed has the Refresher fetch data, which must go well.
func (s *source) refreshed() {
	s.t.Helper()
	done := s.refresh()
	s.next().answer <- nil
	if o := <-done; o.err != nil {
		s.t.Fatalf("Refresh: %v", o.err)
	}
}

// fails has a fetch fail and returns when it did.
func (s *source) fails(err error) time.Time {
	s.t.Helper()
	done := s.refresh()
	s.next().answer <- err
	if o := <-done; o.err == nil {
		s.t.Fatal("Refresh: no error")
	}
	return time.Now()
}

// checkAtOnce checks that Refresh takes no time and begins no fetch.
func (s *source) checkAtOnce(wantErr bool) error {
	s.t.Helper()
	o := <-s.refresh()
	if (o.err != nil) != wantErr || o.took != 0 {
		s.t.Errorf("Refresh: %v after %v, want an error: %v, at once", o.err, o.took, wantErr)
	}
	if n := len(s.asks); n > 0 {
		s.t.Errorf("%d fetches, want none", n)
	}
	return o.err
}
