package afterwork

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// service is a Requests and where its events go.
type service struct {
	*endpoint
	requests Requests
	rule     Rule
	within   time.Duration // of the last delivery
}

func newService(t *testing.T) *service {
	e := newEndpoint(t)
	s := &service{endpoint: e, rule: Rule{Every: 3 * time.Second, Events: 100}}
	s.requests.Queued = e.Queued
	s.requests.Flush = func(ctx context.Context, within time.Duration) error {
		s.mu.Lock()
		s.within = within
		s.mu.Unlock()
		return e.Flush(ctx)
	}
	return s
}

// serve serves a request that takes d and leaves an event at its end. It returns
// how long the request took.
func (s *service) serve(d time.Duration) time.Duration {
	began := time.Now()
	s.requests.Begin(s.rule)
	synctest.Wait() // a delivery has begun, if one does
	time.Sleep(d)
	s.record(1)
	s.requests.End()
	return time.Since(began)
}

// delivered fails the test unless there were so many deliveries since it was
// last called, and so many events are left.
func (s *service) delivered(want, left int) {
	s.t.Helper()
	synctest.Wait()
	if n, queued := s.deliveries(), s.Queued(); n != want || queued != uint64(left) {
		s.t.Errorf("%d deliveries, %d events left; want %d and %d", n, queued, want, left)
	}
}

// close closes the requests; a bubble must leave nothing behind.
func (s *service) close() {
	if ended := s.requests.Close(s.t.Context()); ended != nil {
		<-ended
	}
}

// The events of a request leave while a later one is handled, and no request
// waits.
func TestRequestsDeliverWithTheNext(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		defer s.close()
		s.takes = 300 * time.Millisecond
		s.serve(0)
		time.Sleep(time.Hour)
		s.delivered(0, 1) // none begins between requests
		if took := s.serve(time.Millisecond); took != time.Millisecond {
			t.Errorf("a request took %v", took)
		}
		s.delivered(1, 2)
		time.Sleep(time.Second)
		s.delivered(0, 1) // the delivery outlasted its request
	})
}

// Events gather for Every, or until there are Events.
func TestRequestsGather(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		defer s.close()
		s.serve(0)
		s.serve(0)
		s.delivered(1, 1) // the first do not wait
		for range 29 {
			time.Sleep(100 * time.Millisecond)
			s.serve(0)
		}
		s.delivered(0, 30)
		time.Sleep(100 * time.Millisecond)
		s.serve(0)
		s.delivered(1, 1)
		for range 99 {
			s.serve(0)
		}
		s.delivered(0, 100)
		s.serve(0)
		s.delivered(1, 1)
	})
}

// A negative Every leaves only the number of events.
func TestRequestsGatherByNumberOnly(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		defer s.close()
		s.rule.Every = -1
		for range 100 {
			s.serve(0)
			time.Sleep(time.Minute)
		}
		s.delivered(0, 100)
		s.serve(0)
		s.delivered(1, 1)
	})
}

// A request that never ends keeps neither its own events back nor those of
// others.
func TestRequestsThatLast(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		s.requests.Begin(s.rule)
		for range 60 {
			time.Sleep(time.Second)
			s.record(1)
		}
		if n := s.deliveries(); n < 15 || n > 20 || s.Queued() > 4 {
			t.Errorf("%d deliveries in a minute, %d events left; want one every 3 to 4 s", n, s.Queued())
		}
		for range 20 {
			time.Sleep(time.Second)
			s.serve(0)
		}
		if n := s.deliveries(); n < 5 || s.Queued() > 4 {
			t.Errorf("%d deliveries in 20 s beside other requests, %d events left", n, s.Queued())
		}
		s.requests.End()
		synctest.Wait()
		left := s.Queued()
		time.Sleep(time.Hour)
		s.deliveries()
		if s.Queued() != left {
			t.Error("events were delivered with no request under way")
		}
		s.close()
	})
}

// Events that wait when a delivery ends leave at once if they are due by then,
// but only while a request is under way.
func TestRequestsDeliverAgain(t *testing.T) {
	for _, underWay := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t)
			defer s.close()
			s.takes = 10 * time.Second
			s.record(1)
			s.requests.Begin(s.rule)
			synctest.Wait()
			s.record(1)
			if !underWay {
				s.requests.End()
			}
			time.Sleep(11 * time.Second)
			want := 1
			if underWay {
				want = 2
				defer s.requests.End()
			}
			if n := s.deliveries(); n != want {
				t.Errorf("request under way %v: %d deliveries, want %d", underWay, n, want)
			}
		})
	}
}

// A failed delivery is followed by a pause, in which no request delivers or is
// held.
func TestRequestsPause(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		defer s.close()
		s.becomes(unreachable(1, 0))
		s.record(1)
		s.serve(0)
		s.delivered(1, 2)
		for range 4 {
			time.Sleep(100 * time.Millisecond)
			began := time.Now()
			s.requests.Begin(s.rule)
			s.requests.Hold(t.Context(), time.Second)
			s.requests.End()
			if time.Since(began) != 0 {
				t.Error("a request was held in the pause")
			}
		}
		s.delivered(0, 2)
		s.becomes(nil)
		time.Sleep(time.Second)
		s.serve(0)
		s.delivered(1, 1)
	})
}

// hold serves a request that is held for its event and returns how long that
// took.
func (s *service) hold(ctx context.Context, limit time.Duration) time.Duration {
	began := time.Now()
	s.requests.Begin(s.rule)
	s.record(1)
	s.requests.Hold(ctx, limit)
	s.requests.End()
	return time.Since(began)
}

func TestHoldDeliversOwnEvents(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		defer s.close()
		s.takes = 150 * time.Millisecond
		for range 3 {
			if took := s.hold(t.Context(), time.Second); took != 150*time.Millisecond {
				t.Errorf("the request took %v, want 150 ms", took)
			}
			s.delivered(1, 0)
			s.mu.Lock()
			if s.within != time.Second {
				t.Errorf("the delivery is to take %v, want 1 s", s.within)
			}
			s.mu.Unlock()
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if took := s.hold(gone, time.Second); took != 0 {
			t.Errorf("a request whose client has gone took %v", took)
		}
		time.Sleep(time.Minute)
		s.delivered(1, 0)
		s.requests.Begin(s.rule)
		began := time.Now()
		s.requests.Hold(t.Context(), time.Second)
		if time.Since(began) != 0 {
			t.Error("a request without events was held")
		}
		s.requests.End()
	})
}

// Requests that are held at the same time share deliveries.
func TestHoldManyAtOnce(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		defer s.close()
		s.takes = 100 * time.Millisecond
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if took := s.hold(t.Context(), time.Second); took > 200*time.Millisecond {
					t.Errorf("request %d took %v, want two deliveries at most", i, took)
				}
			})
		}
		wg.Wait()
		s.delivered(2, 0)
	})
}

// An endpoint that does not answer costs one request HoldResponse, not each.
func TestHoldIsLimited(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newService(t)
		s.takes = time.Hour
		if took := s.hold(t.Context(), time.Second); took != time.Second {
			t.Errorf("the first request took %v, want 1 s", took)
		}
		for range 5 {
			if took := s.hold(t.Context(), time.Second); took != 0 {
				t.Errorf("a later request took %v", took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		<-s.requests.Close(ctx)
	})
}

// Close waits for the delivery under way, or cancels it when its time is over.
func TestRequestsClose(t *testing.T) {
	for _, takes := range []time.Duration{500 * time.Millisecond, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t)
			s.takes = takes
			s.record(1)
			s.serve(0)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			<-s.requests.Close(ctx)
			if took, want := time.Since(began), min(takes, time.Second); took != want {
				t.Errorf("Close took %v, want %v", took, want)
			}
			s.serve(time.Hour)
			s.requests.Begin(s.rule)
			s.requests.Hold(t.Context(), time.Hour)
			s.requests.End()
			if n := s.deliveries(); n != 1 {
				t.Errorf("%d deliveries, also after Close", n)
			}
		})
	}
}

// Many requests at once: nothing is left behind, and no goroutine.
func TestRequestsConcurrent(t *testing.T) {
	before := runtime.NumGoroutine()
	s := newService(t)
	s.rule = Rule{Events: 1}
	var work sync.WaitGroup
	for i := range 50 {
		work.Go(func() {
			for range 100 {
				s.requests.Begin(s.rule)
				s.record(1)
				if i%10 == 0 {
					s.requests.Hold(t.Context(), time.Minute)
				}
				s.requests.End()
			}
		})
	}
	work.Wait()
	s.requests.Begin(s.rule)
	s.record(1)
	s.requests.Hold(t.Context(), time.Minute)
	s.requests.End()
	if left := s.Queued(); left != 0 {
		t.Errorf("%d events are left", left)
	}
	s.close()
	testkit.GoroutinesEnd(t, before)
}
