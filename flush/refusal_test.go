package flush

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRefusal shows that a refusal is final.
func TestRefusal(t *testing.T) {
	for _, status := range []int{401, 403} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := platform{answer: func(int, []item) reply { return reply{status: status} }}
				p := inMemory(Config{BatchSize: 2, Requests: 1}, &sink)
				var log bytes.Buffer
				logTo(p, &log)
				record(p, user("u"), "a", "b", "c", "d", "e")
				err := p.Flush(t.Context())
				checkError(t, err, &Error{Dropped: 5, Cause: ErrRefused})
				if !strings.Contains(err.Error(), fmt.Sprintf("answered %d", status)) {
					t.Errorf("error: %v", err)
				}
				record(p, user("u"), "f", "g")
				p.RecordMetric(user("u"), "m", 1)
				checkStats(t, p, Stats{Recorded: 8, Dropped: Dropped{Refused: 8}, Requests: 1})
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				// What is dropped is told once, the refusal each time.
				checkError(t, p.Flush(t.Context()), &Error{Dropped: 3, Cause: ErrRefused})
				for range 20 {
					checkError(t, p.Flush(t.Context()), &Error{Cause: ErrRefused})
					checkError(t, p.Flush(ended), &Error{Cause: ErrRefused})
				}
				checkError(t, p.Close(t.Context()), &Error{Cause: ErrRefused})
				checkStats(t, p, Stats{Recorded: 8, Dropped: Dropped{Refused: 8}, Requests: 1})
				if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "level=ERROR") || strings.Contains(log.String(), testSecret) {
					t.Errorf("%d log lines:\n%s", got, &log)
				}
			})
		})
	}
}

// TestRefusalAmongLanes: one lane is refused while others deliver, wait for an
// answer or wait to try again.
func TestRefusalAmongLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := platform{answer: func(n int, _ []item) reply {
			if n >= 4 {
				t.Errorf("request %d came after the refusal", n)
				return reply{}
			}
			return [...]reply{
				{wait: time.Second},
				{wait: time.Second, status: 500}, // its next try would be at 1.5 s
				{wait: 1200 * time.Millisecond, status: 401},
				{wait: 2 * time.Second}, // sent at 1 s, by the first lane
			}[n]
		}}
		p := inMemory(Config{BatchSize: 1, Requests: 3, RetryWait: 500 * time.Millisecond}, &sink)
		for i := range 60 {
			record(p, user(fmt.Sprint(i)), "f")
		}
		checkError(t, p.Flush(t.Context()), &Error{Delivered: 2, Dropped: 58, Cause: ErrRefused})
		checkStats(t, p, Stats{Recorded: 60, Delivered: 2, Dropped: Dropped{Refused: 58}, Requests: 4})
	})
}

// TestRefusalDuringRecording: what is recorded while the refusal is on its way
// is not left behind in the queue.
func TestRefusalDuringRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := platform{answer: func(int, []item) reply { return reply{status: 401, wait: time.Second} }}
		p := inMemory(Config{}, &sink)
		record(p, user("u"), "a", "b")
		done := make(chan error, 1)
		go func() { done <- p.Flush(t.Context()) }()
		synctest.Wait()
		record(p, user("u"), "c", "d", "e")
		checkStats(t, p, Stats{Recorded: 5, Queued: 5})
		checkError(t, <-done, &Error{Dropped: 5, Cause: ErrRefused})
		record(p, user("u"), "f")
		checkStats(t, p, Stats{Recorded: 6, Dropped: Dropped{Refused: 6}, Requests: 1})
	})
}

// TestRefusalLater: the log tells of it although deliveries failed before.
func TestRefusalLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := platform{answer: func(n int, _ []item) reply { return [...]reply{{status: 500}, {status: 403}}[n] }}
		p := inMemory(Config{Retries: -1}, &sink)
		var log bytes.Buffer
		logTo(p, &log)
		record(p, user("u"), "a")
		checkError(t, p.Flush(t.Context()), &Error{Retained: 1})
		checkError(t, p.Flush(t.Context()), &Error{Dropped: 1, Cause: ErrRefused})
		if strings.Count(log.String(), "level=WARN") != 1 || strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "refuses") {
			t.Errorf("log:\n%s", &log)
		}
	})
}
