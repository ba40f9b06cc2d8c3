package event

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"unsafe"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// TestLargeEvent: a user who is too large to be sent costs its own events only.
func TestLargeEvent(t *testing.T) {
	large := func(bytes int, text string) *eval.User {
		u := user("large")
		u.Set("document", strings.Repeat(text, bytes/len(text)))
		return u
	}
	tests := []struct {
		name    string
		user    *eval.User
		private []string
		sent    bool
	}{
		{name: "10 MB", user: large(10_000_000, "x")},
		{name: "large in JSON only", user: large(maxEvent/3, "\x01")},
		{name: "as large as may be", user: large(maxEvent-500, "x"), sent: true},
		{name: "10 MB that are private", user: large(10_000_000, "x"), private: []string{"document"}, sent: true},
	}
	for _, test := range tests {
		for _, batch := range []int{1, 4, 100} {
			t.Run(fmt.Sprintf("%s, %d in a batch", test.name, batch), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var sink testPlatform
					p := inMemory(flush.Config{BatchSize: batch, Requests: 1, PrivateAttributes: test.private}, &sink)
					record(p, user("u"), "a", "b")
					record(p, test.user, "c", "d")
					record(p, user("u"), "e")
					record(p, test.user, "f")
					p.RecordMetric(user("u"), "g", 1)
					if test.sent {
						checkError(t, p.Flush(t.Context()), nil)
						if got := sink.arrived(); got != "a b c d e f g" {
							t.Errorf("arrived: %s", got)
						}
						return
					}
					checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 4, Dropped: 3, Cause: errTooLarge})
					if got := sink.arrived(); got != "a b e g" {
						t.Errorf("arrived: %s", got)
					}
					s := p.Stats()
					checkBooks(t, s)
					if s.Dropped != (flush.Dropped{TooLarge: 3}) || s.Queued != 0 {
						t.Errorf("Stats: %+v", s)
					}
					for _, r := range sink.seen() {
						if len(r.body) > 10_000 {
							t.Errorf("a request has %d bytes", len(r.body))
						}
					}
				})
			})
		}
	}
}

// TestQueueText: users that wait take no more memory than they may, and whose
// events are lost for that counts.
func TestQueueText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{}, &distant{})
		shards := len(p.queue.shards)
		const each, users = 1_000_000, 200
		text := strings.Repeat("x", each)
		fill := func() {
			for i := range users {
				u := user(fmt.Sprint(i))
				u.Set("document", text)
				record(p, u, "a")
			}
		}
		fill()
		s := p.Stats()
		checkBooks(t, s)
		if most := uint64(maxText/each + 1 + shards); s.Queued > most || s.Queued < maxText/each || s.Dropped != (flush.Dropped{QueueFull: users - s.Queued}) {
			t.Errorf("Stats: %+v", s)
		}
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: int(s.Queued), Dropped: int(s.Dropped.QueueFull), Cause: flush.ErrQueueFull})
		for i := range p.queue.shards {
			if text := p.queue.shards[i].text; text != 0 {
				t.Errorf("%d bytes are left in shard %d", text, i)
			}
		}
		fill() // there is room again
		if again := p.Stats().Queued; again != s.Queued {
			t.Errorf("%d events found room, and then %d", s.Queued, again)
		}
	})
}

// TestQueueTextOfOneUser: a user counts once, not for each event in a row.
func TestQueueTextOfOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{PrivateAttributes: []string{"document"}}, &testPlatform{})
		u := user("u")
		u.Set("document", strings.Repeat("x", maxText/50))
		record(p, u, numbered(5000)...)
		for range 100 {
			p.RecordMetric(u, "m", 1)
		}
		checkError(t, p.Flush(t.Context()), nil)
		checkStats(t, p, flush.Stats{Recorded: 5100, Delivered: 5100, Requests: 6})
	})
}

// TestQueueTextOfRetained: what stays queued goes on counting.
func TestQueueTextOfRetained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		p := inMemory(flush.Config{Requests: 1, BatchSize: 1, Retries: -1}, &testPlatform{answer: func(n int, _ []item) reply {
			if n >= 3 && fails {
				return reply{status: 503}
			}
			return reply{}
		}})
		var want int
		for i := range 10 {
			u := user(fmt.Sprint(i))
			record(p, u, "a", "a")
			p.RecordMetric(u, "metric", 1)
			want += 1 + len("metric")
		}
		total := func() (n int) {
			for i := range p.queue.shards {
				n += p.queue.shards[i].text
			}
			return n
		}
		if got := total(); got < want {
			t.Errorf("%d bytes, expected %d", got, want)
		}
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 3, Retained: 27})
		if got := total(); got < want-7 || got > want {
			t.Errorf("%d bytes after the first user's have left, expected %d", got, want-7)
		}
		fails = false
		checkError(t, p.Flush(t.Context()), nil)
		if got := total(); got != 0 {
			t.Errorf("%d bytes are left", got)
		}
	})
}

// TestEventSize: the documentation of Capacity has it.
func TestEventSize(t *testing.T) {
	if got := unsafe.Sizeof(event{}); unsafe.Sizeof(uintptr(0)) == 8 && got != 56 {
		t.Errorf("a place takes %d bytes", got)
	}
}

// TestAllAttributesPrivate: of a user, only the key leaves the process.
func TestAllAttributesPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		p := inMemory(flush.Config{AllAttributesPrivate: true}, &sink)
		u := &eval.User{Key: "key-1", Name: "name-1", Email: "email-1", Country: "country-1"}
		u.Set("plan", "plan-1")
		record(p, u, "a")
		p.RecordMetric(u, "m", 1)
		checkError(t, p.Flush(t.Context()), nil)
		for _, r := range sink.seen() {
			body := string(r.body)
			if !strings.Contains(body, "key-1") {
				t.Errorf("the key is missing: %s", body)
			}
			for _, private := range []string{"name-1", "email-1", "country-1", "plan"} {
				if strings.Contains(body, private) {
					t.Errorf("%s is in %s", private, body)
				}
			}
		}
	})
}
