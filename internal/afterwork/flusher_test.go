package afterwork

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// endpoint is where events are delivered to.
type endpoint struct {
	Flusher
	t *testing.T

	mu     sync.Mutex
	queued uint64
	takes  time.Duration // a delivery
	result error         // of deliveries; events stay queued if there is one
	panics bool
	at     []time.Time // deliveries began
	active int
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{t: t}
	e.Flush = e.flush
	e.Queued = func() uint64 {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.queued
	}
	return e
}

func (e *endpoint) flush(ctx context.Context) error {
	e.mu.Lock()
	e.at = append(e.at, time.Now())
	e.active++
	if e.active > 1 {
		e.t.Error("two deliveries at the same time")
	}
	taken, takes := e.queued, e.takes
	e.mu.Unlock()
	began := time.Now()
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	cut := time.Since(began) < takes
	e.mu.Lock()
	defer e.mu.Unlock()
	e.active--
	if cut {
		return unreachable(int(e.queued), 0)
	}
	if e.panics {
		panic("the application's mistake")
	}
	if e.result == nil {
		e.queued -= taken
	}
	return e.result
}

// record queues events.
func (e *endpoint) record(n uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queued += n
}

// becomes changes what becomes of deliveries.
func (e *endpoint) becomes(result error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.result = result
}

// deliver is Deliver with a deadline. It returns how often something was
// delivered since it was last called.
func (e *endpoint) deliver(within time.Duration) int {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), within)
	defer cancel()
	e.Deliver(ctx)
	return e.deliveries()
}

func (e *endpoint) deliveries() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.at)
	e.at = nil
	return n
}

// check checks how often Deliver delivers.
func (e *endpoint) check(want int) {
	e.t.Helper()
	if got := e.deliver(time.Minute); got != want {
		e.t.Errorf("%d deliveries, want %d", got, want)
	}
}

// unreachable is the error of a delivery that failed.
func unreachable(retained, delivered int) error {
	return fmt.Errorf("wrapped: %w", &flush.Error{Retained: retained, Delivered: delivered, Cause: errors.New("no route")})
}

func TestAlwaysDue(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		e := newEndpoint(t)
		if e.Due() {
			t.Error("due with nothing queued")
		}
		e.check(0)
		for range 3 {
			e.record(1)
			if !e.Due() {
				t.Error("not due")
			}
			e.check(1)
			e.check(0)
		}
	})
}

// Events gather until there are enough, or for long enough.
func TestGathering(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		e := newEndpoint(t)
		e.Rule = Rule{Every: 10 * time.Second, Events: 5}
		e.record(1)
		e.check(1) // the first do not wait
		e.record(4)
		e.check(0)
		time.Sleep(10*time.Second - time.Millisecond)
		e.check(0)
		time.Sleep(time.Millisecond)
		e.check(1)
		e.record(5)
		e.check(1)
	})
}

// Without a number of events only time counts.
func TestGatheringByTime(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		e := newEndpoint(t)
		e.Rule.Every = 10 * time.Second
		e.record(1)
		e.check(1)
		e.record(1_000_000)
		e.check(0)
		time.Sleep(10 * time.Second)
		e.check(1)
	})
}

// resumes returns how long after a failure the next delivery begins, with many
// units of work in that time.
func (e *endpoint) resumes() time.Duration {
	e.t.Helper()
	failed := time.Now()
	for range 100_000 {
		if e.deliver(time.Minute) > 0 {
			return time.Since(failed)
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.t.Fatal("nothing is delivered any more")
	return 0
}

// After a failure nothing is delivered for a while, which doubles with each
// further one, less a part that is random. Success ends it.
func TestPause(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		e := newEndpoint(t)
		e.Rule.Events = 1 // does not count after a failure
		different := make(map[string]bool)
		for range 2 {
			e.record(1)
			e.becomes(unreachable(1, 0))
			e.check(1)
			for _, longest := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
				longest *= time.Second
				pause := e.resumes()
				if pause < longest/2 || pause > longest+10*time.Millisecond {
					t.Errorf("delivered again after %v, want %v or up to a half less", pause, longest)
				}
				different[fmt.Sprintf("%.2f", float64(pause)/float64(longest))] = true
			}
			e.becomes(nil)
			e.resumes()
			e.record(1)
			e.check(1)
		}
		if len(different) < 6 {
			t.Error("the pauses are not random")
		}
	})
}

// A delivery that cost work much time is followed by a pause of several times
// that, so that an endpoint that does not answer takes a small share of the time.
func TestPauseAfterCostlyFailure(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		e := newEndpoint(t)
		e.takes = 5 * time.Second
		e.becomes(unreachable(1, 0))
		e.record(1)
		e.check(1)
		e.takes = 0
		if pause := e.resumes(); pause < 12500*time.Millisecond || pause > 25*time.Second {
			t.Errorf("delivered again after %v, want 12.5 s to 25 s", pause)
		}
	})
}

// A delivery fails only if the platform accepts no event.
func TestWhatIsAFailure(t *testing.T) {
	for _, tt := range []struct {
		name   string
		result error
		failed bool
	}{
		{"nothing arrived", unreachable(3, 0), true},
		{"some arrived", unreachable(2, 1), false},
		{"all were dropped", &flush.Error{Dropped: 3, Cause: flush.ErrRejected}, false},
		{"a single event may be the reason", &flush.Error{Retained: 3, Cause: flush.ErrRejected}, false},
		{"refused", &flush.Error{Retained: 3, Cause: flush.ErrRefused}, true},
		{"another error", flush.ErrClosed, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				e := newEndpoint(t)
				e.record(3)
				e.becomes(tt.result)
				e.check(1)
				if e.Due() == tt.failed {
					t.Errorf("due: %v", e.Due())
				}
			})
		})
	}
}

// begun starts a delivery in the background that takes a second; done is closed
// when Deliver has returned.
func (e *endpoint) begun(within time.Duration) (done chan struct{}) {
	e.t.Helper()
	e.takes = time.Second
	e.record(1)
	done = make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(e.t.Context(), within)
		defer cancel()
		e.Deliver(ctx)
	}()
	synctest.Wait()
	if n := e.deliveries(); n != 1 {
		e.t.Fatalf("%d deliveries, want 1", n)
	}
	return done
}

// Who comes while somebody delivers does not wait; that one delivers for all.
func TestOneDelivers(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		e := newEndpoint(t)
		done := e.begun(time.Minute)
		began := time.Now()
		for range 100 {
			e.record(1)
			e.check(0)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("those who came meanwhile waited for %v", took)
		}
		<-done
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("Deliver took %v, want two deliveries", took)
		}
		if n, left := e.deliveries(), e.Queued(); n != 1 || left != 0 {
			t.Errorf("%d more deliveries, %d events are left", n, left)
		}
	})
}

// It does not deliver again if there are no new events, if the first time failed, or if its
// own time would not allow another like it: a delivery that is cut short would
// pass for a failed one.
func TestDoesNotDeliverAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		others bool
		within time.Duration
		result error
		want   int
	}{
		{"again", true, 2 * time.Second, nil, 1},
		{"no new events", false, time.Minute, nil, 0},
		{"failed", true, time.Minute, unreachable(1, 0), 0},
		{"no time", true, 2*time.Second - 1, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				e := newEndpoint(t)
				e.becomes(tt.result)
				done := e.begun(tt.within)
				e.record(1) // also without a caller
				if tt.others {
					e.check(0)
				}
				<-done
				if n := e.deliveries(); n != tt.want {
					t.Errorf("%d more deliveries, want %d", n, tt.want)
				}
				e.becomes(nil)
				time.Sleep(time.Minute)
				e.takes = 0
				e.check(1 - tt.want) // nothing is forgotten
			})
		})
	}
}

// A delivery that panics is one that failed, and does not bar the next.
func TestPanic(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		e := newEndpoint(t)
		e.panics = true
		e.record(1)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is hidden")
				}
			}()
			e.deliver(time.Minute)
		}()
		e.deliveries()
		if e.Due() {
			t.Error("due at once")
		}
		e.panics = false
		if pause := e.resumes(); pause < 500*time.Millisecond || pause > 1010*time.Millisecond {
			t.Errorf("delivered again after %v", pause)
		}
		if e.Queued() != 0 {
			t.Error("not delivered")
		}
	})
}

// Many may come at once: nothing is left behind.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			for range 100 {
				e.record(1)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				e.Deliver(ctx)
				cancel()
			}
		})
	}
	work.Wait()
	if left := e.Queued(); left != 0 {
		t.Errorf("%d events are left", left)
	}
}
