package event

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// askToWait answers the first request with a Retry-After.
func askToWait(status int, after string) *testPlatform {
	return &testPlatform{answer: func(n int, _ []item) reply {
		if n == 0 {
			return reply{status: status, after: after}
		}
		return reply{}
	}}
}

// TestRetryAfter shows when a delivery waits and when it gives up at once.
func TestRetryAfter(t *testing.T) {
	date := func(d time.Duration) func() string {
		return func() string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	}
	text := func(s string) func() string { return func() string { return s } }
	tests := []struct {
		name     string
		status   int
		after    func() string
		deadline time.Duration // 0: no deadline
		took     time.Duration
		fails    bool
	}{
		{name: "seconds", status: 429, after: text("7"), deadline: 8 * time.Second, took: 7 * time.Second},
		{name: "date", status: 503, after: date(9 * time.Second), deadline: 10 * time.Second, took: 9 * time.Second},
		{name: "date that has passed", status: 503, after: date(-time.Hour), deadline: time.Second},
		{name: "with 500", status: 500, after: text("2"), deadline: 3 * time.Second, took: 2 * time.Second},
		{name: "with 408", status: 408, after: text("2"), deadline: 3 * time.Second, took: 2 * time.Second},
		{name: "zero", status: 429, after: text("0"), deadline: time.Second},
		{name: "nonsense", status: 429, after: text("soon"), deadline: time.Second, took: 200 * time.Millisecond},
		{name: "as long as the deadline", status: 429, after: text("8"), deadline: 8 * time.Second, fails: true},
		{name: "beyond the deadline", status: 429, after: text("3600"), deadline: 8 * time.Second, fails: true},
		{name: "date beyond the deadline", status: 429, after: date(time.Minute), deadline: 8 * time.Second, fails: true},
		{name: "no deadline", status: 429, after: text("30"), took: 30 * time.Second},
		{name: "no deadline, too long to sit out", status: 429, after: text("31"), fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := askToWait(test.status, test.after())
				p := inMemory(flush.Config{}, sink)
				record(p, user("u"), "a")
				ctx := t.Context()
				if test.deadline > 0 {
					ctx = testkit.Timeout(t, test.deadline)
				}
				start := time.Now()
				err := p.Flush(ctx)
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, expected %v", took, test.took)
				}
				if test.fails {
					checkError(t, err, &flush.Error{Retained: 1})
				} else {
					checkError(t, err, nil)
				}
			})
		})
	}
}

// TestRetryAfterAcrossFlushes shows that nothing is sent before the time, and
// that it then is.
func TestRetryAfterAcrossFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := askToWait(429, "60")
		p := inMemory(flush.Config{}, sink)
		checkError(t, p.Flush(t.Context()), nil)
		record(p, user("u"), "a", "b")
		checkError(t, p.Flush(testkit.Timeout(t, time.Second)), &flush.Error{Retained: 2})

		time.Sleep(20 * time.Second)
		record(p, user("u"), "c")
		err := p.Flush(t.Context())
		checkError(t, err, &flush.Error{Retained: 3})
		if !strings.Contains(err.Error(), "asked to wait 40s more") {
			t.Errorf("error: %v", err)
		}
		time.Sleep(39999 * time.Millisecond)
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 3})
		if got := len(sink.seen()); got != 1 {
			t.Errorf("%d requests before the time was over", got)
		}
		time.Sleep(time.Millisecond)
		checkError(t, p.Flush(t.Context()), nil)
		checkStats(t, p, flush.Stats{Recorded: 3, Delivered: 3, Requests: 2})
	})
}

// TestRetryAfterOfCancelled: what the platform asked for counts although the
// flush that heard it was cancelled while it waited.
func TestRetryAfterOfCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := askToWait(503, "20")
		p := inMemory(flush.Config{}, sink)
		record(p, user("u"), "a")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		checkError(t, p.Flush(ctx), &flush.Error{Retained: 1, Cause: context.Canceled})
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
		checkStats(t, p, flush.Stats{Recorded: 1, Queued: 1, Requests: 1})
		time.Sleep(20 * time.Second)
		checkError(t, p.Flush(t.Context()), nil)
		// The one request before was answered: none of this is a repetition.
		checkStats(t, p, flush.Stats{Recorded: 1, Delivered: 1, Requests: 2})
	})
}

// TestRetryAfterStopsOtherLanes: it is meant for all requests, not only for
// those that happened to be told.
func TestRetryAfterStopsOtherLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &testPlatform{answer: func(n int, _ []item) reply {
			if n == 0 {
				return reply{status: 429, after: "60", wait: time.Second}
			}
			return reply{wait: 2 * time.Second}
		}}
		p := inMemory(flush.Config{BatchSize: 1, Requests: 2}, sink)
		p.pace.Answered(time.Millisecond)
		for i := range 20 {
			record(p, user(string(rune('a'+i))), "f")
		}
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 1, Retained: 19})
		if got := len(sink.seen()); got != 2 {
			t.Errorf("%d requests, expected one for each lane", got)
		}
	})
}

// TestRetryAfterOnClose: there is no later flush, so Close waits if it can.
func TestRetryAfterOnClose(t *testing.T) {
	tests := []struct {
		name  string
		after string
		close time.Duration
		took  time.Duration
		want  *flush.Error
	}{
		{name: "in time", after: "3", close: 4 * time.Second, took: 3 * time.Second},
		{name: "in the default time", after: "4", took: 4 * time.Second},
		{name: "too late", after: "4", close: 3 * time.Second, want: &flush.Error{Dropped: 1}},
		{name: "too late for the default time", after: "5", want: &flush.Error{Dropped: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := inMemory(flush.Config{}, askToWait(429, test.after))
				record(p, user("u"), "a")
				checkError(t, p.Flush(testkit.Timeout(t, time.Second)), &flush.Error{Retained: 1})
				ctx := t.Context()
				if test.close > 0 {
					ctx = testkit.Timeout(t, test.close)
				}
				start := time.Now()
				checkError(t, p.Close(ctx), test.want)
				if took := time.Since(start); took != test.took {
					t.Errorf("Close took %v, expected %v", took, test.took)
				}
				checkBooks(t, p.Stats())
			})
		})
	}
}
