package event

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// TestLossIsTold: what was dropped before a call is told by it, once, however
// it was dropped.
func TestLossIsTold(t *testing.T) {
	tests := []struct {
		name string
		lose func(t *testing.T, p *Processor) // two events
		want string
	}{
		{"overflow", func(t *testing.T, p *Processor) {
			record(p, user("u"), "a", "b", "c", "d", "e", "f")
		}, flush.ErrQueueFull.Error()},
		{"in the background", func(t *testing.T, p *Processor) {
			record(p, user("u"), "bad", "bad")
			if err := p.flush(t.Context(), background, time.Time{}); err == nil {
				t.Error("no error")
			}
			record(p, user("u"), "a", "b", "c", "d")
		}, "responded with 413"},
	}
	calls := map[string]func(*Processor, *testing.T) error{
		"Flush": func(p *Processor, t *testing.T) error { return p.Flush(t.Context()) },
		"Close": func(p *Processor, t *testing.T) error { return p.Close(t.Context()) },
	}
	for _, test := range tests {
		for name, call := range calls {
			t.Run(test.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := inMemory(flush.Config{Capacity: 4}, &testPlatform{answer: func(_ int, items []item) reply {
						if items[0].name() == "bad" {
							return reply{status: 413}
						}
						return reply{}
					}})
					test.lose(t, p)
					err := call(p, t)
					checkError(t, err, &flush.Error{Delivered: 4, Dropped: 2})
					if err != nil && !strings.Contains(err.Error(), test.want) {
						t.Errorf("error %q: expected %q", err, test.want)
					}
					checkError(t, p.Flush(t.Context()), nil)
				})
			})
		}
	}
}

// TestOverflowAfterLoss: the cause is that of the new loss.
func TestOverflowAfterLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{Capacity: 1}, &testPlatform{answer: func(n int, _ []item) reply {
			if n == 0 {
				return reply{status: 413}
			}
			return reply{}
		}})
		record(p, user("u"), "a")
		checkError(t, p.Flush(t.Context()), &flush.Error{Dropped: 1})
		record(p, user("u"), "b", "c")
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 1, Dropped: 1, Cause: flush.ErrQueueFull})
	})
}

// TestOverflowLog: a full queue is told in the log, but not all the time.
func TestOverflowLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{Capacity: 1}, &testPlatform{})
		var log bytes.Buffer
		logTo(p, &log)
		for i := range 121 { // every second
			record(p, user("u"), "a", "b", "c")
			checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 1, Dropped: 2, Cause: flush.ErrQueueFull})
			if i == 0 && !strings.Contains(log.String(), "dropped=2 capacity=1") {
				t.Errorf("log:\n%s", &log)
			}
			time.Sleep(time.Second)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != 3 {
			t.Errorf("%d lines, expected one a minute:\n%s", got, &log)
		}
	})
}

// TestCloseLog: what Close gives up is told in the log, whether or not its
// caller looks at the error.
func TestCloseLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{Retries: -1}, &testPlatform{answer: func(int, []item) reply { return reply{status: 500} }})
		var log bytes.Buffer
		logTo(p, &log)
		record(p, user("u"), "a", "b")
		checkError(t, p.Close(t.Context()), &flush.Error{Dropped: 2})
		if !strings.Contains(log.String(), "events were lost on closing") || !strings.Contains(log.String(), "dropped=2") {
			t.Errorf("log:\n%s", &log)
		}
	})
}
