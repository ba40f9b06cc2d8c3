package event

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

func TestClose(t *testing.T) {
	stalls := &testPlatform{answer: func(int, []item) reply { return reply{stall: true} }}
	fails := &testPlatform{answer: func(int, []item) reply { return reply{status: 500} }}
	tests := []struct {
		name   string
		sink   *testPlatform
		within time.Duration // 0 is no deadline
		took   time.Duration
		want   *flush.Error
	}{
		{name: "delivers", sink: &testPlatform{}},
		{name: "cannot deliver", sink: fails, took: 600 * time.Millisecond, want: &flush.Error{Dropped: 3}},
		{name: "stalled", sink: stalls, within: time.Second, took: time.Second, want: &flush.Error{Dropped: 3, Cause: context.DeadlineExceeded}},
		{name: "stalled without deadline", sink: stalls, took: 5 * time.Second, want: &flush.Error{Dropped: 3, Cause: context.DeadlineExceeded}},
		{name: "no time", sink: &testPlatform{}, within: -1, want: &flush.Error{Dropped: 3, Cause: context.DeadlineExceeded}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := inMemory(flush.Config{}, test.sink)
				record(p, user("u"), "a", "b", "c")
				ctx := t.Context()
				if test.within != 0 {
					ctx = testkit.Timeout(t, test.within)
				}
				began := time.Now()
				checkError(t, p.Close(ctx), test.want)
				if took := time.Since(began); took != test.took {
					t.Errorf("took %v, expected %v", took, test.took)
				}
				record(p, user("u"), "d")
				p.RecordMetric(user("u"), "m", 1)
				s := p.Stats()
				checkBooks(t, s)
				lost := uint64(2)
				if test.want != nil {
					lost += 3
				}
				if s.Recorded != 5 || s.Queued != 0 || s.Dropped != (flush.Dropped{Closed: lost}) {
					t.Errorf("Stats: %+v", s)
				}
				// All that is over: there is nothing to do, and no time to do it in.
				checkError(t, p.Flush(t.Context()), nil)
				if err := p.Close(t.Context()); err != nil {
					t.Errorf("Close once more: %v", err)
				}
				if again := p.Stats(); again != s {
					t.Errorf("Stats changed to %+v", again)
				}
			})
		})
	}
}

// TestCloseCutsFlushShort: a flush that has more time than Close does not get
// it, and says what became of its events.
func TestCloseCutsFlushShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{}, &testPlatform{answer: func(int, []item) reply { return reply{stall: true} }})
		record(p, user("u"), "a", "b")
		first := start(t, p, t.Context())
		record(p, user("u"), "c")
		second := start(t, p, t.Context())
		began := time.Now()
		checkError(t, p.Close(testkit.Timeout(t, 2*time.Second)), &flush.Error{Dropped: 3, Cause: context.DeadlineExceeded})
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		var cut *flush.Error // Close may drop all three before the flush counts
		if err := <-first; !errors.As(err, &cut) || !errors.Is(err, flush.ErrClosed) || (cut.Retained != 2 || cut.Dropped != 0) && (cut.Retained != 0 || cut.Dropped != 3) {
			t.Errorf("first flush: %v", err)
		}
		var late *flush.Error // may come before Close drops the events, or after
		if err := <-second; !errors.As(err, &late) || !errors.Is(err, flush.ErrClosed) || late.Retained+late.Dropped != 3 {
			t.Errorf("second flush: %v", err)
		}
		s := p.Stats()
		checkBooks(t, s)
		if s.Queued != 0 || s.Dropped.Closed != 3 || s.Requests != 1 {
			t.Errorf("Stats: %+v", s)
		}
	})
}

// TestCloseWaitsForFlush: what is under way is not sent a second time.
func TestCloseWaitsForFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := slowly(reply{})
		p := inMemory(flush.Config{}, sink)
		record(p, user("u"), "a")
		first := start(t, p, t.Context())
		record(p, user("u"), "b")
		checkError(t, p.Close(t.Context()), nil)
		checkError(t, <-first, nil)
		if got := sink.arrived(); got != "a b" {
			t.Errorf("arrived: %s", got)
		}
		checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Requests: 2})
	})
}

// TestCloseTogether: further calls wait for the first, within their own time,
// and do not cut it short.
func TestCloseTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{}, slowly(reply{}))
		record(p, user("u"), "a")
		done := make(chan error, 1)
		go func() { done <- p.Close(t.Context()) }()
		synctest.Wait()
		began := time.Now()
		if err := p.Close(testkit.Timeout(t, 100*time.Millisecond)); err != context.DeadlineExceeded || time.Since(began) != 100*time.Millisecond {
			t.Errorf("impatient Close: %v after %v", err, time.Since(began))
		}
		if err := p.Close(testkit.Timeout(t, time.Minute)); err != nil || time.Since(began) != time.Second {
			t.Errorf("patient Close: %v after %v", err, time.Since(began))
		}
		checkError(t, <-done, nil)
		checkStats(t, p, flush.Stats{Recorded: 1, Delivered: 1, Requests: 1})
	})
}

func TestCloseUnused(t *testing.T) {
	t.Parallel()
	p := inMemory(flush.Config{}, &testPlatform{})
	checkError(t, p.Close(t.Context()), nil)
	checkStats(t, p, flush.Stats{})
}

// TestCloseStalledServer does it over connections.
func TestCloseStalledServer(t *testing.T) {
	t.Parallel()
	p := overLoopback(t, flush.Config{BatchSize: 1}, &testPlatform{answer: func(int, []item) reply { return reply{stall: true} }})
	for i := range 10 {
		record(p, user(string(rune('a'+i))), "f")
	}
	began := time.Now()
	checkError(t, p.Close(testkit.Timeout(t, 50*time.Millisecond)), &flush.Error{Dropped: 10, Cause: context.DeadlineExceeded})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	checkBooks(t, p.Stats())
}

// TestCloseRace closes while others record and flush.
func TestCloseRace(t *testing.T) {
	t.Parallel()
	for range 20 {
		sink := &testPlatform{}
		p := overLoopback(t, flush.Config{BatchSize: 10}, sink)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				u := user(string(rune('a' + i)))
				for range 100 {
					record(p, u, "f")
				}
				_ = p.Flush(t.Context())
				record(p, u, "f")
			})
		}
		for range 2 {
			wg.Go(func() { _ = p.Close(t.Context()) })
		}
		wg.Wait()
		s := p.Stats()
		checkBooks(t, s)
		if s.Recorded != 404 || s.Queued != 0 || s.Dropped.Total() != s.Dropped.Closed {
			t.Errorf("Stats: %+v", s)
		}
		// On a busy machine Close may run out of time while a request is answered.
		if got := uint64(sink.count()); got < s.Delivered || got > s.Delivered+s.Dropped.Closed {
			t.Errorf("%d events arrived, %d were delivered, %d dropped by Close", got, s.Delivered, s.Dropped.Closed)
		}
	}
}

// count is how many events arrived.
func (p *testPlatform) count() (n int) {
	for _, r := range p.seen() {
		n += len(r.items)
	}
	return n
}

// TestDisabled: nothing is queued, evaluations are counted all the same.
func TestDisabled(t *testing.T) {
	t.Parallel()
	var sink testPlatform
	p := inMemory(flush.Config{Disabled: true, Interval: time.Second}, &sink)
	r := served("f", "1", "true")
	p.RecordEvaluation(user("u"), []eval.Result{r}, &r)
	p.RecordMetric(user("u"), "m", 1)
	p.RecordFallback(eval.ReasonFlagNotFound)
	checkEvaluations(t, p, Evaluations{eval.ReasonFallthrough: 1, eval.ReasonFlagNotFound: 1})
	checkError(t, p.Flush(t.Context()), nil)
	checkError(t, p.Close(t.Context()), nil)
	checkStats(t, p, flush.Stats{})
	if p.Background() {
		t.Error("something would run in the background")
	}
}
