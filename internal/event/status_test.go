package event

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestStatus shows each status to a delivery that may retry twice.
func TestStatus(t *testing.T) {
	const again = 3 // tries
	tests := []struct {
		status  int
		tries   int
		outcome outcome
	}{
		{status: 200, tries: 1, outcome: delivered},
		{status: 201, tries: 1, outcome: delivered},
		{status: 202, tries: 1, outcome: delivered},
		{status: 204, tries: 1, outcome: delivered},
		{status: 299, tries: 1, outcome: delivered},
		{status: 300, tries: 1, outcome: refused},
		{status: 304, tries: 1, outcome: refused},
		{status: 400, tries: 1, outcome: rejected},
		{status: 401, tries: 1, outcome: refused},
		{status: 403, tries: 1, outcome: refused},
		{status: 404, tries: again, outcome: refused},
		{status: 405, tries: 1, outcome: refused},
		{status: 407, tries: again, outcome: refused},
		{status: 408, tries: again, outcome: retained},
		{status: 409, tries: 1, outcome: refused},
		{status: 415, tries: 1, outcome: refused},
		{status: 421, tries: again, outcome: retained},
		{status: 422, tries: 1, outcome: rejected},
		{status: 425, tries: again, outcome: retained},
		{status: 429, tries: again, outcome: retained},
		{status: 499, tries: 1, outcome: refused},
		{status: 500, tries: again, outcome: rejected},
		{status: 501, tries: again, outcome: refused},
		{status: 502, tries: again, outcome: retained},
		{status: 503, tries: again, outcome: retained},
		{status: 504, tries: again, outcome: retained},
		{status: 599, tries: again, outcome: refused},
	}
	for _, test := range tests {
		t.Run(http.StatusText(test.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := testPlatform{answer: func(int, []item) reply { return reply{status: test.status} }}
				p := inMemory(flush.Config{}, &sink)
				record(p, user("u"), "a", "b", "c")
				err := p.Flush(t.Context())
				s := flush.Stats{Recorded: 3, Requests: uint64(test.tries)}
				switch test.outcome {
				case delivered:
					s.Delivered = 3
					checkError(t, err, nil)
				default:
					s.Queued = 3
					checkError(t, err, &flush.Error{Retained: 3})
				}
				if secret := test.status == 401 || test.status == 403; errors.Is(err, flush.ErrRefused) != secret {
					t.Errorf("error: %v", err)
				}
				if errors.Is(err, flush.ErrRejected) != (test.outcome == rejected) {
					t.Errorf("error: %v", err)
				}
				if got := p.Stats().Err; got == nil && err != nil || got != nil && !strings.Contains(err.Error(), got.Error()) {
					t.Errorf("Stats has the error %v, Flush returned %v", got, err)
				}
				checkStats(t, p, s)
				if got := len(sink.seen()); got != test.tries {
					t.Errorf("%d tries, expected %d", got, test.tries)
				}
			})
		})
	}
}

// TestRetryAfterIsNoRejection: who asks to wait does not mean an event.
func TestRetryAfterIsNoRejection(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]outcome{
		200: delivered, 400: retained, 422: retained, 500: retained, 413: retained, 429: retained, 503: retained,
		401: refused, 403: refused, 404: refused,
	} {
		if got := outcomeOf(status, true); got != want {
			t.Errorf("%d with Retry-After: outcome %d, expected %d", status, got, want)
		}
	}
}

// TestStatusOnTheWire repeats one status of each class over a connection.
func TestStatusOnTheWire(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]*flush.Error{
		204: nil,
		400: {Retained: 2, Cause: flush.ErrRejected},
		403: {Retained: 2, Cause: flush.ErrRefused},
		404: {Retained: 2},
		413: {Dropped: 2},
		429: {Retained: 2},
		503: {Retained: 2},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			p := overLoopback(t, flush.Config{RetryWait: time.Millisecond}, &testPlatform{answer: func(int, []item) reply { return reply{status: status} }})
			record(p, user("u"), "a", "b")
			checkError(t, p.Flush(t.Context()), want)
			checkBooks(t, p.Stats())
		})
	}
}

func TestRetriesUntilItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply {
			return [...]reply{{status: 503}, {status: 408}, {status: 429}, {}}[n]
		}}
		p := inMemory(flush.Config{Retries: 3}, &sink)
		record(p, user("u"), "a", "b")
		start := time.Now()
		checkError(t, p.Flush(t.Context()), nil)
		for i, want := range []time.Duration{0, 200 * time.Millisecond, 600 * time.Millisecond, 1400 * time.Millisecond} {
			if got := sink.seen()[i].at.Sub(start); got != want {
				t.Errorf("try %d after %v, expected %v", i+1, got, want)
			}
			if got := sink.seen()[i]; !bytes.Equal(got.body, sink.seen()[0].body) {
				t.Errorf("try %d has another body: %s", i+1, got.body)
			}
		}
		// An answer was never lost, so nothing can have arrived twice.
		checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Requests: 4})
	})
}

func TestNoRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(int, []item) reply { return reply{status: 500} }}
		p := inMemory(flush.Config{Retries: -1}, &sink)
		record(p, user("u"), "a")
		start := time.Now()
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
		if got := len(sink.seen()); got != 1 || time.Since(start) != 0 {
			t.Errorf("%d tries in %v", got, time.Since(start))
		}
	})
}

// TestRetainedKeepOrder shows a delivery that gets half-way.
func TestRetainedKeepOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply {
			if n == 1 {
				return reply{status: 500}
			}
			return reply{}
		}}
		p := inMemory(flush.Config{BatchSize: 2, Requests: 1, Retries: -1}, &sink)
		record(p, user("u"), "a", "b", "c", "d", "e")
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 2, Retained: 3})
		record(p, user("u"), "f")
		checkError(t, p.Flush(t.Context()), nil)
		var got []string
		for _, r := range sink.seen() {
			got = append(got, r.names())
		}
		if text := strings.Join(got, "|"); text != "a b|c d|c d|e f" {
			t.Errorf("requests: %s", text)
		}
		checkStats(t, p, flush.Stats{Recorded: 6, Delivered: 6, Requests: 4})
	})
}

// TestRejectedGoOn shows that a request that is rejected does not hold up those
// of other users.
func TestRejectedGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply {
			if n == 1 {
				return reply{status: 400}
			}
			return reply{}
		}}
		p := inMemory(flush.Config{BatchSize: 2, Requests: 1}, &sink)
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			record(p, user(name), name)
		}
		record(p, user("d"), "g")
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 4, Retained: 3, Cause: flush.ErrRejected})
		if got := sink.arrived(); got != "a b e f" {
			t.Errorf("arrived: %s", got)
		}
		checkError(t, p.Flush(t.Context()), nil)
		if got := sink.arrived(); got != "a b e f c d g" {
			t.Errorf("arrived: %s", got)
		}
	})
}

// TestAnswerBody shows that an answer counts by its status, whatever becomes of
// the rest of it.
func TestAnswerBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := 0
		client := &http.Client{Transport: testkit.RoundTrip(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: &brokenBody{ctx: req.Context(), closed: &closed}}, nil
		})}
		p := New(flush.Config{Timeout: time.Second}, destination("http://platform.test", client))
		record(p, user("u"), "a")
		start := time.Now()
		checkError(t, p.Flush(t.Context()), nil)
		if took := time.Since(start); took > time.Second || closed == 0 {
			t.Errorf("took %v, closed %d times", took, closed)
		}
		checkStats(t, p, flush.Stats{Recorded: 1, Delivered: 1, Requests: 1})
	})
}

// brokenBody never ends.
type brokenBody struct {
	ctx    context.Context
	closed *int
}

func (b *brokenBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, io.ErrUnexpectedEOF
}

func (b *brokenBody) Close() error {
	*b.closed++
	return nil
}

// TestNetworkErrors shows errors without an answer.
func TestNetworkErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(int, []item) reply { return reply{err: errReset} }}
		p := inMemory(flush.Config{}, &sink)
		record(p, user("u"), "a", "b")
		err := p.Flush(t.Context())
		checkError(t, err, &flush.Error{Retained: 2, Cause: errReset})
		if !errors.Is(err, errReset) || !strings.HasPrefix(err.Error(), "ffc: events: 0 delivered, 2 still queued, 0 dropped: ") {
			t.Errorf("error: %v", err)
		}
		checkStats(t, p, flush.Stats{Recorded: 2, Queued: 2, Resent: 4, Requests: 3})
	})
}
