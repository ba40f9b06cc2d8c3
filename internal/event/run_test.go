package event

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// run starts Run; stop ends it and waits.
func run(p *Processor) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func TestRunDeliversAtInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		p := inMemory(flush.Config{Interval: 2 * time.Second}, &sink)
		began := time.Now()
		stop := run(p)
		record(p, user("u"), "a")
		time.Sleep(1999 * time.Millisecond)
		record(p, user("u"), "b")
		checkStats(t, p, flush.Stats{Recorded: 2, Queued: 2})
		time.Sleep(time.Millisecond)
		synctest.Wait()
		checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Requests: 1})
		time.Sleep(5 * time.Second) // nothing to send, nothing sent
		record(p, user("u"), "c")
		time.Sleep(5 * time.Second)
		stop()
		checkStats(t, p, flush.Stats{Recorded: 3, Delivered: 3, Requests: 2})
		for i, want := range []time.Duration{2 * time.Second, 8 * time.Second} {
			if got := sink.seen()[i].at.Sub(began); got != want {
				t.Errorf("request %d after %v, expected %v", i, got, want)
			}
		}
		record(p, user("u"), "d")
		time.Sleep(time.Minute)
		checkStats(t, p, flush.Stats{Recorded: 4, Delivered: 3, Queued: 1, Requests: 2})
	})
}

// TestRunDeliversFullBatch shows that a delivery begins when there is enough for
// one request, or when a small queue is half full.
func TestRunDeliversFullBatch(t *testing.T) {
	for _, test := range []struct{ capacity, batch, wakes int }{
		{1, 0, 1}, {2, 0, 1}, {3, 0, 2}, {9, 0, 5}, {100, 0, 50}, {100, 20, 20}, {100, 1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := inMemory(flush.Config{Interval: time.Hour, Capacity: test.capacity, BatchSize: test.batch}, &testPlatform{})
			defer run(p)()
			for round := range 3 {
				record(p, user("u"), numbered(test.wakes-1)...)
				synctest.Wait()
				if got := p.Stats().Queued; got != uint64(test.wakes-1) {
					t.Errorf("%+v: %d queued, expected %d", test, got, test.wakes-1)
				}
				record(p, user("u"), "last")
				synctest.Wait()
				if s := p.Stats(); s.Queued != 0 || s.Delivered != uint64((round+1)*test.wakes) {
					t.Errorf("%+v: %+v", test, s)
				}
			}
		})
	}
}

// TestRunLeavesRestToInterval: what does not fill a request waits for the interval, or
// until there is enough for a request together with what comes meanwhile.
func TestRunLeavesRestToInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{Interval: time.Minute, Capacity: 120, BatchSize: 50}, &testPlatform{})
		defer run(p)()
		for _, step := range []struct {
			events    int
			delivered uint64
		}{{70, 50}, {29, 50}, {1, 100}, {49, 100}, {2, 150}} {
			record(p, user("u"), numbered(step.events)...)
			synctest.Wait()
			if s := p.Stats(); s.Delivered != step.delivered {
				t.Errorf("after %d more events: %+v, expected %d delivered", step.events, s, step.delivered)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		checkStats(t, p, flush.Stats{Recorded: 151, Delivered: 151, Requests: 4})
	})
}

// TestIntervalLeavesNoRest: the delivery at the interval has all events that were there
// when it began, also those that do not fill a request, and also if enough for the next
// delivery come meanwhile.
func TestIntervalLeavesNoRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *Processor
		p = inMemory(flush.Config{Interval: time.Minute, BatchSize: 50}, &testPlatform{answer: func(int, []item) reply {
			record(p, user("u"), numbered(60)...)
			return reply{}
		}})
		record(p, user("u"), numbered(80)...)
		checkError(t, p.flush(t.Context(), background, time.Time{}), nil)
		checkStats(t, p, flush.Stats{Recorded: 200, Delivered: 80, Queued: 120, Requests: 2})
	})
}

// TestRunDeliversFullBatchOfAllShards shows that all shards count together.
func TestRunDeliversFullBatchOfAllShards(t *testing.T) {
	withProcs(t, 8)
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{Interval: time.Hour, BatchSize: 100}, &testPlatform{})
		defer run(p)()
		for i := range 99 {
			p.queue.put(i%8, user("u"), metric{name: "m"})
			synctest.Wait()
		}
		if s := p.Stats(); s.Queued != 99 {
			t.Errorf("less than a batch was delivered: %+v", s)
		}
		for i := range 8 * 12 {
			p.queue.put(i%8, user("u"), metric{name: "m"})
			synctest.Wait()
		}
		if s := p.Stats(); s.Queued >= 100 {
			t.Errorf("more than a batch waits: %+v", s)
		}
	})
}

// TestRunDoesNotSpin: a queue that stays full is tried at the interval only.
func TestRunDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(int, []item) reply { return reply{status: 500} }}
		p := inMemory(flush.Config{Interval: 10 * time.Second, Capacity: 10, Retries: -1}, &sink)
		defer run(p)()
		record(p, user("u"), numbered(30)...)
		time.Sleep(time.Minute)
		synctest.Wait()
		// Once as it got half full, at most once more for what came meanwhile, and
		// parts in one delivery.
		if got := len(sink.seen()); got < 6 || got > 12 {
			t.Errorf("%d requests in a minute", got)
		}
		s := p.Stats()
		checkBooks(t, s)
		if s.Queued != 10 || s.Dropped.QueueFull != 20 {
			t.Errorf("Stats: %+v", s)
		}
	})
}

// TestRunWaitsInOutage: events that come meanwhile start no further deliveries.
func TestRunWaitsInOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(int, []item) reply { return reply{status: 503} }}
		p := inMemory(flush.Config{Interval: 10 * time.Second, BatchSize: 10, Retries: -1}, &sink)
		stop := run(p)
		for range 60 * 100 {
			record(p, user("u"), "a")
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		if got := len(sink.seen()); got > 8 {
			t.Errorf("%d requests in a minute", got)
		}
	})
}

// TestRunRecovers after failures of every kind that can pass.
func TestRunRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply {
			script := []reply{{status: 503}, {err: errReset}, {stall: true}, {status: 302}, {status: 429, after: "100"}}
			if n < len(script) {
				return script[n]
			}
			return reply{}
		}}
		p := inMemory(flush.Config{Interval: 3 * time.Second, Retries: -1}, &sink)
		defer run(p)()
		record(p, user("u"), "a", "b", "c")
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got := sink.arrived(); got != "a b c" {
			t.Errorf("arrived: %s", got)
		}
		requests := sink.seen()
		if wait := requests[5].at.Sub(requests[4].at); wait < 100*time.Second {
			t.Errorf("asked again after %v", wait)
		}
		s := p.Stats()
		checkBooks(t, s)
		if s.Delivered != 3 || s.Resent != 12 {
			t.Errorf("Stats: %+v", s)
		}
	})
}

// TestRunFinishesDelivery: a delivery that is under way when Run is stopped is
// not cut short.
func TestRunFinishesDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := slowly(reply{})
		p := inMemory(flush.Config{Interval: time.Second}, sink)
		stop := run(p)
		record(p, user("u"), "a")
		time.Sleep(1500 * time.Millisecond)
		stop()
		checkStats(t, p, flush.Stats{Recorded: 1, Delivered: 1, Requests: 1})
	})
}

// TestRunAndClose: Close has the last word.
func TestRunAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(int, []item) reply { return reply{stall: true} }}
		p := inMemory(flush.Config{Interval: time.Second}, &sink)
		stop := run(p)
		record(p, user("u"), "a", "b")
		time.Sleep(2 * time.Second)
		record(p, user("u"), "c")
		checkError(t, p.Close(testkit.Timeout(t, 3*time.Second)), &flush.Error{Dropped: 3, Cause: context.DeadlineExceeded})
		stop()
		s := p.Stats()
		checkBooks(t, s)
		if s.Dropped.Closed != 3 || s.Queued != 0 {
			t.Errorf("Stats: %+v", s)
		}
	})
}

func TestBackground(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		cfg      flush.Config
		onDemand bool
		want     time.Duration // 0: no delivery
	}{
		{name: "pushing transport", want: 3 * time.Second},
		{name: "transport on demand", onDemand: true},
		{name: "asked for on demand", cfg: flush.Config{Interval: time.Minute}, onDemand: true, want: time.Minute},
		{name: "asked for", cfg: flush.Config{Interval: time.Minute}, want: time.Minute},
		{name: "declined", cfg: flush.Config{Interval: -1}},
		{name: "disabled", cfg: flush.Config{Disabled: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			to := destination("http://platform.test", http.DefaultClient)
			to.OnDemand = test.onDemand
			p := New(test.cfg, to)
			if p.Background() != (test.want > 0) {
				t.Errorf("Background is %v", p.Background())
			}
			if test.want > 0 && p.cfg.Interval != test.want {
				t.Errorf("Interval is %v, expected %v", p.cfg.Interval, test.want)
			}
		})
	}
}

// TestNothingRuns: without an interval there are no goroutines between calls.
func TestNothingRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := goroutinesHere(t)
		p := inMemory(flush.Config{}, askToWait(429, "5"))
		record(p, user("u"), numbered(200)...)
		checkError(t, p.Flush(testkit.Timeout(t, time.Second)), &flush.Error{Retained: 200})
		record(p, user("u"), "more")
		synctest.Wait()
		if after := goroutinesHere(t); after != before {
			t.Errorf("%d goroutines before, %d after", before, after)
		}
	})
}

// goroutinesHere counts the goroutines of the bubble.
func goroutinesHere(t *testing.T) int {
	t.Helper()
	buf := make([]byte, 1<<20)
	own := regexp.MustCompile(`^goroutine .*(synctest bubble \d+)`).FindSubmatch(buf[:runtime.Stack(buf, false)])
	if own == nil {
		t.Fatal("not in a bubble")
	}
	buf = buf[:runtime.Stack(buf, true)]
	return bytes.Count(buf, append(own[1], ']')) + bytes.Count(buf, append(own[1], ','))
}
