package event

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// TestOnceReportsAgainAfterWindow: other users, flags and variations are reported
// at once, and all of them again after the window.
func TestOnceReportsAgainAfterWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		p := inMemory(flush.Config{Once: time.Minute}, &sink)
		hot := func() {
			for range 100 {
				for _, who := range []string{"u", "v"} {
					record(p, user(who), "a", "b")
				}
			}
			other := served("a", "2", "false")
			p.RecordEvaluation(user("u"), nil, &other)
		}
		hot()
		checkStats(t, p, flush.Stats{Recorded: 401, Queued: 5, Deduplicated: 396})
		time.Sleep(59 * time.Second)
		hot()
		checkStats(t, p, flush.Stats{Recorded: 802, Queued: 5, Deduplicated: 797})
		checkError(t, p.Flush(t.Context()), nil)
		if got := sink.arrived(); got != "a b a b a" {
			t.Errorf("arrived: %s", got)
		}
		time.Sleep(time.Second)
		hot()
		checkStats(t, p, flush.Stats{Recorded: 1203, Delivered: 5, Queued: 5, Deduplicated: 1193, Requests: 1})
		checkEvaluations(t, p, Evaluations{eval.ReasonFallthrough: 1203})
	})
}

// TestOnceWithPrerequisites: what was not reported yet is, in order.
func TestOnceWithPrerequisites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		p := inMemory(flush.Config{Once: time.Minute}, &sink)
		evaluate := func(flags string) {
			var results []eval.Result
			for _, flag := range strings.Fields(flags) {
				results = append(results, served(flag, "1", "true"))
			}
			last := len(results) - 1
			results[last].Reason = eval.ReasonTargetMatch
			p.RecordEvaluation(user("u"), results[:last], &results[last])
		}
		evaluate("b")
		evaluate("a b c")
		evaluate("a b d c")
		evaluate("a b d")
		checkStats(t, p, flush.Stats{Recorded: 11, Queued: 4, Deduplicated: 7})
		checkEvaluations(t, p, Evaluations{eval.ReasonTargetMatch: 4}) // not those of prerequisites
		checkError(t, p.Flush(t.Context()), nil)
		if got := sink.arrived(); got != "b a c d" {
			t.Errorf("arrived: %s", got)
		}
	})
}

// TestOnceSuppressesExperimentsAfterDelivery: until then an experiment could miss
// a user.
func TestOnceSuppressesExperimentsAfterDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 503
		p := inMemory(flush.Config{Once: time.Minute, Retries: -1}, &testPlatform{answer: func(int, []item) reply { return reply{status: status} }})
		measured := served("a", "1", "true")
		measured.Experiment = true
		evaluate := func() { p.RecordEvaluation(user("u"), nil, &measured) }
		record(p, user("u"), "a") // outside of the experiment
		evaluate()
		evaluate()
		_ = p.Flush(t.Context())
		evaluate()
		checkStats(t, p, flush.Stats{Recorded: 4, Queued: 4, Requests: 1})
		status = 200
		checkError(t, p.Flush(t.Context()), nil)
		evaluate()
		checkStats(t, p, flush.Stats{Recorded: 5, Delivered: 4, Deduplicated: 1, Requests: 2})
		time.Sleep(time.Minute)
		evaluate()
		checkStats(t, p, flush.Stats{Recorded: 6, Delivered: 4, Queued: 1, Deduplicated: 1, Requests: 2})
	})
}

// TestOnceForgetsDroppedEvents: an event that was dropped is reported when its
// flag is evaluated again.
func TestOnceForgetsDroppedEvents(t *testing.T) {
	t.Run("full queue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var sink testPlatform
			p := inMemory(flush.Config{Once: time.Hour, Capacity: 1}, &sink)
			record(p, user("u"), "a", "b", "b")
			checkStats(t, p, flush.Stats{Recorded: 3, Queued: 1, Dropped: flush.Dropped{QueueFull: 2}})
			_ = p.Flush(t.Context())
			record(p, user("u"), "b", "a")
			checkStats(t, p, flush.Stats{Recorded: 5, Delivered: 1, Queued: 1, Dropped: flush.Dropped{QueueFull: 2}, Deduplicated: 1, Requests: 1})
		})
	})
	t.Run("prerequisites in a full queue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := inMemory(flush.Config{Once: time.Hour, Capacity: 2}, &testPlatform{})
			record(p, user("u"), "x")
			for range 2 {
				own := served("c", "1", "true")
				p.RecordEvaluation(user("u"), []eval.Result{served("a", "1", "true")}, &own)
			}
			if s := p.Stats(); s.Deduplicated != 0 || s.Dropped.QueueFull == 0 {
				t.Errorf("Stats: %+v", s)
			}
			checkBooks(t, p.Stats())
		})
	})
	t.Run("too large", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := inMemory(flush.Config{Once: time.Hour}, limited(0))
			for i := range uint64(2) {
				record(p, user("u"), "a", "a")
				_ = p.Flush(t.Context())
				checkStats(t, p, flush.Stats{Recorded: 2 * (i + 1), Dropped: flush.Dropped{TooLarge: i + 1}, Deduplicated: i + 1, Requests: i + 1})
			}
		})
	})
}

func TestOnceNeverSuppressesMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{Once: time.Hour}, &testPlatform{})
		for range 3 {
			p.RecordMetric(user("u"), "m", 1)
		}
		checkError(t, p.Flush(t.Context()), nil)
		checkStats(t, p, flush.Stats{Recorded: 3, Delivered: 3, Requests: 1})
	})
}

// TestOnceForgetsWhenFull: more evaluations than the table has places are reported
// again, and no new one is suppressed.
func TestOnceForgetsWhenFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{Once: time.Hour, Capacity: 1_000_000}, &testPlatform{})
		const users = 200_000
		record := func() {
			r := served("a", "1", "true")
			for i := range users {
				p.RecordEvaluation(user(fmt.Sprint(i)), nil, &r)
			}
		}
		record()
		if s := p.Stats(); s.Queued != users || s.Deduplicated != 0 {
			t.Errorf("Stats: %+v", s)
		}
		time.Sleep(time.Second)
		record()
		s := p.Stats()
		checkBooks(t, s)
		if most := uint64(onceStripes * onceSets * onceWays); s.Deduplicated > most {
			t.Errorf("%d events were suppressed, %d can be known", s.Deduplicated, most)
		}
	})
}

// TestOnceAfterClockWasSetBack: the window ends.
func TestOnceAfterClockWasSetBack(t *testing.T) {
	t.Parallel()
	o := newOnce(time.Minute)
	r := served("a", "1", "true")
	for i, want := range []bool{false, true, false, true} {
		at := []int64{100_000_000, 100_059_999, 1000, 1000}[i]
		if got := o.suppress("u", &r, at); got != want {
			t.Errorf("%d: suppressed is %v", at, got)
		}
	}
}

// TestOnceInParallel: of many goroutines that evaluate the same, one reports.
func TestOnceInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		p := inMemory(flush.Config{Once: time.Hour}, &sink)
		for range 20 {
			go func() {
				for range 500 {
					record(p, user("u"), "a", "b")
					checkBooks(t, p.Stats())
				}
			}()
		}
		synctest.Wait()
		checkError(t, p.Flush(t.Context()), nil)
		checkStats(t, p, flush.Stats{Recorded: 20_000, Delivered: 2, Deduplicated: 19_998, Requests: 1})
		names := strings.Fields(sink.arrived())
		slices.Sort(names)
		if !slices.Equal(names, []string{"a", "b"}) {
			t.Errorf("arrived: %s", names)
		}
	})
}
