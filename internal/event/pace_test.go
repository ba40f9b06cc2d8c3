package event

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/pace"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// serial is a platform that stores events one request after the other, and goes
// on when the client has hung up.
type serial struct {
	fixed    time.Duration // for a request
	each     time.Duration // for an event
	turn     chan struct{} // holds one value while a request is stored
	underWay atomic.Int64
	most     atomic.Int64 // requests at once
	stored   atomic.Int64
	mu       sync.Mutex
	sizes    []int // events of requests, in order
}

// RoundTrip implements http.RoundTripper.
func (s *serial) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	n := s.underWay.Add(1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	events := int64(strings.Count(string(body), `"featureFlagKeyName"`))
	s.mu.Lock()
	s.sizes = append(s.sizes, int(events))
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.turn <- struct{}{}
		defer func() { <-s.turn }()
		time.Sleep(s.fixed + time.Duration(events)*s.each)
		s.stored.Add(events)
		s.underWay.Add(-1)
	}()
	select {
	case <-done:
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// slowPlatform returns a platform that takes 4 ms for an event, and a processor
// with an event of each of 10,000 users for it.
func slowPlatform(cfg flush.Config) (*serial, *Processor) {
	s := &serial{each: 4 * time.Millisecond, turn: make(chan struct{}, 1)}
	p := New(cfg, destination("http://platform.test", &http.Client{Transport: s}))
	recordEach(p, 10_000)
	return s, p
}

// recordEach records an event of each of n users.
func recordEach(p *Processor, n int) {
	for i := range n {
		record(p, user(fmt.Sprint("user-", i)), "flag")
	}
}

// invoke calls FlushWithin as an invocation that ends after d does.
func invoke(t *testing.T, p *Processor, d time.Duration) error {
	return p.FlushWithin(testkit.Timeout(t, d), 0)
}

// TestSlowPlatformGetsNothingTwice: requests are small enough for their timeout,
// few at once, and not cut when the context of Flush ends.
func TestSlowPlatformGetsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := slowPlatform(flush.Config{})
		for p.Flush(testkit.Timeout(t, 30*time.Second)) != nil {
			if s.stored.Load() == 0 {
				t.Fatal("nothing was stored")
			}
		}
		if got := p.Stats(); got.Delivered != 10_000 || got.Resent != 0 || s.stored.Load() != 10_000 {
			t.Errorf("%d events were stored; Stats: %+v", s.stored.Load(), got)
		}
		if most := s.most.Load(); most > 2 {
			t.Errorf("%d requests at once, want at most 2", most)
		}
		if largest := slices.Max(s.sizes[1:]); time.Duration(largest)*s.each > 2*pace.Aim || len(s.sizes) > 80 {
			t.Errorf("requests of up to %d events, want what takes about %v: %v", largest, pace.Aim, s.sizes)
		}
	})
}

// TestShortInvocationsSendAlmostNothingTwice: an invocation that lasts 3 s sends
// no more than the platform stores meanwhile.
func TestShortInvocationsSendAlmostNothingTwice(t *testing.T) {
	t.Parallel()
	for _, each := range []time.Duration{4 * time.Millisecond, 400 * time.Microsecond, 20 * time.Millisecond} {
		t.Run(fmt.Sprint(each, " for an event"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := slowPlatform(flush.Config{})
				s.each = each
				invocations := 0
				for p.Queued() > 0 {
					began := time.Now()
					err := invoke(t, p, 3*time.Second)
					if failed := new(flush.Error); errors.As(err, &failed) && !errors.Is(err, context.DeadlineExceeded) {
						t.Fatal(err)
					}
					time.Sleep(3*time.Second - time.Since(began))
					invocations++
				}
				if stored := s.stored.Load(); stored > 10_100 || p.Stats().Delivered != 10_000 {
					t.Errorf("%d events were stored, want at most 1 %% more than 10,000; Stats: %+v; %v", stored, p.Stats(), s.sizes)
				}
				if least := 10_000 * each / (3 * time.Second); invocations > 2*int(least)+1 {
					t.Errorf("%d invocations; the platform needs %d", invocations, least)
				}
			})
		})
	}
}

// TestFirstRequestThatMayBeCutIsSmall, and the next has half of its events if it
// was cut.
func TestFirstRequestThatMayBeCutIsSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := slowPlatform(flush.Config{Retries: -1})
		s.each = time.Second
		for range 3 {
			_ = invoke(t, p, 5*time.Second)
			time.Sleep(10 * time.Minute) // the platform has stored it
		}
		if want := []int{100, 50, 25}; !slices.Equal(s.sizes, want) {
			t.Errorf("requests of %v events, want %v", s.sizes, want)
		}
	})
}

// TestCloseOfSlowPlatform loses few events that the platform has stored.
func TestCloseOfSlowPlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := slowPlatform(flush.Config{})
		began := time.Now()
		err := p.Close(t.Context())
		if took := time.Since(began); err == nil || took > closeTime {
			t.Errorf("%v after %v", err, took)
		}
		time.Sleep(time.Minute)
		got := p.Stats()
		if unknown := s.stored.Load() - int64(got.Delivered); unknown > 10 || got.Delivered < 1000 {
			t.Errorf("%d events were stored and count as lost; Stats: %+v", unknown, got)
		}
		checkBooks(t, got)
	})
}

// TestHeldDeliveryEndsInTime: a delivery that a request waits for has nothing
// under way when that time is over, although nothing cuts it.
func TestHeldDeliveryEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := slowPlatform(flush.Config{})
		for range 5 {
			began := time.Now()
			err := p.FlushWithin(t.Context(), 2*time.Second)
			if took := time.Since(began); took > 2*time.Second || took < time.Second || !errors.Is(err, errNoTime) {
				t.Errorf("%v after %v, want the end of the time", err, took)
			}
		}
		if got := p.Stats(); got.Delivered != uint64(s.stored.Load()) || got.Delivered < 1000 {
			t.Errorf("%d events were stored; Stats: %+v", s.stored.Load(), got)
		}
	})
}

// TestRequestOutlastsFlush: the answer of a request counts that was under way when
// the context of Flush ended, and the next Flush waits for it.
func TestRequestOutlastsFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := slowPlatform(flush.Config{BatchSize: 1000, Requests: 1})
		began := time.Now()
		err := p.Flush(testkit.Timeout(t, time.Second))
		if took := time.Since(began); took != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v, want the end of the context", err, took)
		}
		if failed := new(flush.Error); !errors.As(err, &failed) || failed.Delivered != 0 || failed.Retained != 10_000 {
			t.Errorf("%+v", failed)
		}
		time.Sleep(10 * time.Second)
		if got := p.Stats(); got.Delivered != 1000 || got.Requests != 1 {
			t.Errorf("after the answer: %+v", got)
		}
		_ = p.Flush(testkit.Timeout(t, time.Second/10))
		began = time.Now()
		err = p.Flush(testkit.Timeout(t, time.Millisecond)) // waits for the one before
		if took := time.Since(began); took != time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, took)
		}
		checkError(t, p.Flush(t.Context()), nil)
		if stored := s.stored.Load(); stored != 10_000 || p.Stats().Resent != 0 {
			t.Errorf("%d events were stored", stored)
		}
	})
}

// TestCloseCutsRequestThatOutlastsFlush within its own time.
func TestCloseCutsRequestThatOutlastsFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := slowPlatform(flush.Config{})
		_ = p.Flush(testkit.Timeout(t, time.Millisecond))
		began := time.Now()
		err := p.Close(testkit.Timeout(t, time.Second))
		if took := time.Since(began); took != time.Second || err == nil {
			t.Errorf("%v after %v, want the loss of events", err, took)
		}
		checkBooks(t, p.Stats())
		time.Sleep(time.Minute) // the platform ends
	})
}

// TestNoRetryAfterFlush: the request under way goes on when the context of Flush
// ends, but is not sent again.
func TestNoRetryAfterFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testPlatform{answer: func(int, []item) reply { return reply{wait: time.Second, status: 503} }}
		p := inMemory(flush.Config{}, sink)
		record(p, user("u"), "flag")
		_ = p.Flush(testkit.Timeout(t, time.Second/2))
		time.Sleep(time.Minute)
		if got := p.Stats(); got.Requests != 1 || got.Queued != 1 {
			t.Errorf("Stats: %+v", got)
		}
	})
}

// TestTimeoutFollowsAnswers: it is 10 s, or four times as long as the last answer
// took, at most 30 s.
func TestTimeoutFollowsAnswers(t *testing.T) {
	for _, test := range []struct{ setting, answer, want time.Duration }{
		{answer: 0, want: 10 * time.Second},
		{answer: time.Second, want: 10 * time.Second},
		{answer: 5 * time.Second, want: 20 * time.Second},
		{answer: 9 * time.Second, want: 30 * time.Second},
		{setting: 12 * time.Second, answer: 9 * time.Second, want: 12 * time.Second},
	} {
		t.Run(fmt.Sprint(test.answer), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &testPlatform{answer: func(n int, _ []item) reply {
					if n == 0 && test.answer > 0 {
						return reply{wait: test.answer}
					}
					return reply{stall: true}
				}}
				p := inMemory(flush.Config{Timeout: test.setting, Retries: -1}, sink)
				if test.answer > 0 {
					record(p, user("u"), "flag")
					checkError(t, p.Flush(t.Context()), nil)
				}
				record(p, user("u"), "flag")
				began := time.Now()
				if err := p.Flush(t.Context()); err == nil || time.Since(began) != test.want {
					t.Errorf("%v after %v, want a timeout after %v", err, time.Since(began), test.want)
				}
			})
		})
	}
}

// TestSizeAfterSmallRequests: requests that were small because there was little to
// send do not make those of a burst small.
func TestSizeAfterSmallRequests(t *testing.T) {
	t.Parallel()
	for _, fixed := range []time.Duration{10 * time.Millisecond, 600 * time.Millisecond, 1500 * time.Millisecond} {
		for _, events := range []int{1, 10} {
			t.Run(fmt.Sprint(events, " events in ", fixed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &serial{fixed: fixed, each: 10 * time.Microsecond, turn: make(chan struct{}, 1)}
					p := New(flush.Config{}, destination("http://platform.test", &http.Client{Transport: s}))
					for range 20 {
						recordEach(p, events)
						checkError(t, p.Flush(t.Context()), nil)
					}
					recordEach(p, 10_000)
					checkError(t, p.Flush(t.Context()), nil)
					if n := len(s.sizes) - 20; n > 14 {
						t.Errorf("%d requests for 10,000 events: %v", n, s.sizes[20:])
					}
				})
			})
		}
	}
}

// TestFixedPart: where most of the time of a request is not due to its events,
// requests do not become small.
func TestFixedPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := slowPlatform(flush.Config{})
		s.fixed, s.each = time.Second, time.Millisecond
		checkError(t, p.Flush(t.Context()), nil)
		if n := len(s.sizes); n > 30 {
			t.Errorf("%d requests for 10,000 events: %v", n, s.sizes)
		}
	})
}

// TestPlatformThatBecomesSlow gets smaller requests at once, and large ones when it
// has recovered.
func TestPlatformThatBecomesSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, p := slowPlatform(flush.Config{})
		s.each = 0
		checkError(t, p.Flush(t.Context()), nil)
		s.each = 2 * time.Millisecond
		recordEach(p, 10_000)
		slow := len(s.sizes)
		checkError(t, p.Flush(t.Context()), nil)
		s.each = 0
		recordEach(p, 10_000)
		quick := len(s.sizes)
		checkError(t, p.Flush(t.Context()), nil)
		if s.stored.Load() != 30_000 || p.Stats().Resent > 0 {
			t.Errorf("%d events were stored; Stats: %+v", s.stored.Load(), p.Stats())
		}
		// 500 events take the second that requests aim at. The last two may be larger: one
		// lane has ended, and the platform is twice as quick for the other.
		sizes := s.sizes[slow+4 : quick]
		before := len(sizes) - 2
		if slices.Max(sizes[:before]) > 600 || slices.Max(sizes[before:]) > 750 {
			t.Errorf("requests of up to %d events: %v", slices.Max(sizes), s.sizes[slow:quick])
		}
		if n := len(s.sizes) - quick; n > 20 {
			t.Errorf("%d requests for 10,000 events: %v", n, s.sizes[quick:])
		}
	})
}

func TestQuickPlatformGetsAllRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &serial{each: time.Microsecond, turn: make(chan struct{}, 1)}
		p := New(flush.Config{BatchSize: 100}, destination("http://platform.test", &http.Client{Transport: s}))
		for i := range 10_000 {
			record(p, user(fmt.Sprint("user-", i)), "flag")
		}
		checkError(t, p.Flush(t.Context()), nil)
		if most := s.most.Load(); most != 4 {
			t.Errorf("%d requests at once, want 4", most)
		}
	})
}
