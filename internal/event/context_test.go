package event

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestContextEndedBefore: nothing is sent, and nothing said of an empty queue.
func TestContextEndedBefore(t *testing.T) {
	t.Parallel()
	reason := errors.New("the invocation is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	var sink testPlatform
	p := inMemory(flush.Config{}, &sink)
	for range 20 { // a select may pick either of two
		checkError(t, p.Flush(ctx), nil)
	}
	record(p, user("u"), "a", "b")
	for range 20 {
		checkError(t, p.Flush(ctx), &flush.Error{Retained: 2, Cause: reason})
	}
	checkStats(t, p, flush.Stats{Recorded: 2, Queued: 2})
	checkError(t, p.Flush(t.Context()), nil)
	checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Requests: 1})
}

// TestContextEndsDuring ends it in a request and between requests.
func TestContextEndsDuring(t *testing.T) {
	reason := errors.New("the invocation is over")
	tests := []struct {
		name   string
		first  reply
		end    time.Duration
		resent uint64 // by the next flush
	}{
		{name: "in a request", first: reply{stall: true}, end: time.Second, resent: 2},
		{name: "while waiting to try again after an answer", first: reply{status: 500}, end: 100 * time.Millisecond},
		{name: "while waiting to try again after an error", first: reply{err: errReset}, end: 100 * time.Millisecond, resent: 2},
		{name: "while waiting as asked", first: reply{status: 429, after: "9"}, end: 9 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := testPlatform{answer: func(n int, _ []item) reply {
					if n == 0 {
						return test.first
					}
					return reply{}
				}}
				p := inMemory(flush.Config{}, &sink)
				record(p, user("u"), "a", "b")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(test.end-time.Millisecond, func() { cancel(reason) })
				start := time.Now()
				checkError(t, p.Flush(ctx), &flush.Error{Retained: 2, Cause: reason})
				if took := time.Since(start); took != test.end-time.Millisecond {
					t.Errorf("took %v", took)
				}
				checkStats(t, p, flush.Stats{Recorded: 2, Queued: 2, Requests: 1})
				time.Sleep(10 * time.Second)
				checkError(t, p.Flush(t.Context()), nil)
				checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Resent: test.resent, Requests: 2})
			})
		})
	}
}

// TestDeadlineTooClose: a retry that would come too late is not waited for.
func TestDeadlineTooClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(int, []item) reply { return reply{status: 503} }}
		p := inMemory(flush.Config{}, &sink)
		record(p, user("u"), "a")
		start := time.Now()
		checkError(t, p.Flush(testkit.Timeout(t, 500*time.Millisecond)), &flush.Error{Retained: 1})
		if took := time.Since(start); took != 200*time.Millisecond {
			t.Errorf("took %v, expected one retry", took)
		}
		checkStats(t, p, flush.Stats{Recorded: 1, Queued: 1, Requests: 2})
	})
}

// TestContextEndsAmongLanes: all lanes stop, and what they had is kept.
func TestContextEndsAmongLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply { return reply{stall: n >= 4} }}
		p := inMemory(flush.Config{BatchSize: 1}, &sink)
		// So many that by no chance a lane is done after the first four.
		for i := range 400 {
			record(p, user(string(rune('A'+i))), "f")
		}
		start := time.Now()
		checkError(t, p.Flush(testkit.Timeout(t, 5*time.Second)), &flush.Error{Delivered: 4, Retained: 396, Cause: context.DeadlineExceeded})
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(10 * time.Second) // the requests under way time out
		checkStats(t, p, flush.Stats{Recorded: 400, Delivered: 4, Queued: 396, Requests: 8})
	})
}
