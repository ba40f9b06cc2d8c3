package event

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// TestRefusalKeepsEvents shows that no refusal ends deliveries: events wait, and
// the next Flush that is accepted delivers them.
func TestRefusalKeepsEvents(t *testing.T) {
	for _, status := range []int{401, 403, 404, 407, 405, 302, 501} {
		for _, accepted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, accepted before: %v", status, accepted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					refuses := !accepted
					sink := testPlatform{answer: func(int, []item) reply {
						if refuses {
							return reply{status: status}
						}
						return reply{}
					}}
					p := inMemory(flush.Config{BatchSize: 2, Requests: 1, Capacity: 5, Retries: -1}, &sink)
					var log bytes.Buffer
					logTo(p, &log)
					before := 0
					if accepted {
						record(p, user("u"), "a", "b", "c")
						checkError(t, p.Flush(t.Context()), nil)
						before = 3
					}
					refuses = true
					record(p, user("u"), "d", "e", "f", "g", "h", "too many")
					secret := status == 401 || status == 403
					for i := range 3 {
						err := p.Flush(t.Context())
						checkError(t, err, &flush.Error{Retained: 5, Dropped: max(0, 1-i)})
						if errors.Is(err, flush.ErrRefused) != secret || !strings.Contains(err.Error(), fmt.Sprintf("responded with %d", status)) {
							t.Errorf("error: %v", err)
						}
						if err := p.Stats().Err; err == nil || errors.Is(err, flush.ErrRefused) != secret {
							t.Errorf("Stats has the error %v", err)
						}
					}
					refuses = false
					checkError(t, p.Flush(t.Context()), nil)
					s := p.Stats()
					checkBooks(t, s)
					if s.Delivered != uint64(before+5) || s.Dropped != (flush.Dropped{QueueFull: 1}) || s.Err != nil {
						t.Errorf("Stats: %+v", s)
					}
					if got := sink.arrived(); !strings.HasSuffix(got, "d e f g h") {
						t.Errorf("arrived: %s", got)
					}
					lines := strings.Count(log.String(), "level=ERROR") + strings.Count(log.String(), "delivered again")
					if lines != 2 || strings.Contains(log.String(), testSecret) {
						t.Errorf("log:\n%s", &log)
					}
				})
			})
		}
	}
}

// TestRefusalPauses shows that deliveries in the background go on after refusals,
// with pauses that grow to 10 min.
func TestRefusalPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refuses atomic.Bool
		refuses.Store(true)
		sink := testPlatform{answer: func(int, []item) reply {
			if refuses.Load() {
				return reply{status: 403}
			}
			return reply{}
		}}
		p := inMemory(flush.Config{Interval: time.Second}, &sink)
		defer run(p)()
		record(p, user("u"), "a")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if wait := time.Until(p.Stats().PausedUntil); wait <= 0 || wait > 2*time.Second {
			t.Errorf("paused for %v", wait)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		var last time.Duration
		seen := sink.seen()
		for i := 1; i < len(seen); i++ {
			last = seen[i].at.Sub(seen[i-1].at)
			if last > maxPause+time.Second {
				t.Errorf("pause %d is %v", i, last)
			}
		}
		if len(seen) < 15 || len(seen) > 40 || last < maxPause/2 {
			t.Errorf("%d requests in two hours, the last after %v", len(seen), last)
		}
		if until := p.Stats().PausedUntil; time.Until(until) > maxPause || until.IsZero() {
			t.Errorf("paused until %v", until)
		}
		refuses.Store(false)
		time.Sleep(maxPause + time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Delivered != 1 || s.Err != nil || !s.PausedUntil.IsZero() {
			t.Errorf("Stats: %+v", s)
		}
		// The next pause is short again.
		refuses.Store(true)
		record(p, user("u"), "b")
		time.Sleep(1500 * time.Millisecond)
		if wait := time.Until(p.Stats().PausedUntil); wait > 2*time.Second {
			t.Errorf("paused for %v", wait)
		}
		refuses.Store(false)
		time.Sleep(4 * time.Second)
		if s := p.Stats(); s.Delivered != 2 {
			t.Errorf("Stats: %+v", s)
		}
	})
}

// TestFlushIgnoresPause shows that a pause of the background is no pause of Flush
// and Close.
func TestFlushIgnoresPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply {
			if n == 0 {
				return reply{status: 401}
			}
			return reply{}
		}}
		p := inMemory(flush.Config{Interval: time.Second}, &sink)
		defer run(p)()
		record(p, user("u"), "a")
		time.Sleep(1001 * time.Millisecond)
		checkStats(t, p, flush.Stats{Recorded: 1, Queued: 1, Requests: 1})
		checkError(t, p.Flush(t.Context()), nil)
		checkStats(t, p, flush.Stats{Recorded: 1, Delivered: 1, Requests: 2})
	})
}

// TestRefusalAmongLanes: one lane is refused while others deliver, wait for an
// answer or wait to retry.
func TestRefusalAmongLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply {
			if n >= 4 {
				t.Errorf("request %d came after the refusal", n)
				return reply{}
			}
			return [...]reply{
				{wait: 400 * time.Millisecond},
				{wait: 400 * time.Millisecond, status: 503}, // its next try would be at 0.9 s
				{wait: 480 * time.Millisecond, status: 401},
				{wait: 2 * time.Second}, // sent at 0.4 s, by the first lane
			}[n]
		}}
		p := inMemory(flush.Config{BatchSize: 1, Requests: 3, RetryWait: 500 * time.Millisecond}, &sink)
		p.pace.Answered(time.Millisecond)
		for i := range 60 {
			record(p, user(fmt.Sprint(i)), "f")
		}
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 2, Retained: 58, Cause: flush.ErrRefused})
		checkStats(t, p, flush.Stats{Recorded: 60, Delivered: 2, Queued: 58, Requests: 4})
	})
}

// TestRefusalOnClose: what cannot be delivered is dropped as closed.
func TestRefusalOnClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{}, &testPlatform{answer: func(int, []item) reply { return reply{status: 401} }})
		record(p, user("u"), "a", "b")
		checkError(t, p.Close(t.Context()), &flush.Error{Dropped: 2, Cause: flush.ErrRefused})
		checkStats(t, p, flush.Stats{Recorded: 2, Dropped: flush.Dropped{Closed: 2}, Requests: 1})
	})
}

// TestRefusalLater: the log tells of it although deliveries failed before.
func TestRefusalLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply { return [...]reply{{status: 503}, {status: 403}}[n] }}
		p := inMemory(flush.Config{Retries: -1}, &sink)
		var log bytes.Buffer
		logTo(p, &log)
		record(p, user("u"), "a")
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1, Cause: flush.ErrRefused})
		if strings.Count(log.String(), "level=WARN") != 1 || strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "refuses") {
			t.Errorf("log:\n%s", &log)
		}
	})
}

// TestOutageIsLoggedOnce: the log has one line when events stay queued, whatever
// the number of deliveries, and one when the platform accepts events again.
func TestOutageIsLoggedOnce(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusServiceUnavailable: "ffc: events could not be delivered",
		http.StatusForbidden:          "ffc: the platform refuses events; they stay queued until it accepts them again",
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := testPlatform{answer: func(n int, _ []item) reply {
					if n < 3 {
						return reply{status: status}
					}
					return reply{}
				}}
				p := inMemory(flush.Config{Retries: -1}, &sink)
				var log bytes.Buffer
				logTo(p, &log)
				record(p, user("u"), "a")
				for range 3 {
					if err := p.Flush(t.Context()); err == nil {
						t.Error("Flush returned no error")
					}
				}
				checkError(t, p.Flush(t.Context()), nil)
				lines := strings.Split(strings.TrimSpace(log.String()), "\n")
				if len(lines) != 2 || !strings.Contains(lines[0], want) || !strings.Contains(lines[1], "ffc: events are being delivered again") {
					t.Errorf("log:\n%s", &log)
				}
			})
		})
	}
}
