package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// After 429 or 503 no request is sent for as long as Retry-After says, up to 10 min.
func TestForwarderWaitsAsToldUpTo10Minutes(t *testing.T) {
	for after, want := range map[string][2]time.Duration{
		"300": {5 * time.Minute, 8 * time.Minute}, "86400": {9 * time.Minute, 10*time.Minute + 30*time.Second},
	} {
		t.Run(after, func(t *testing.T) {
			bubble(t, func(r posted) reply {
				if r.at < time.Minute {
					return reply{status: 503, after: after}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 1, 10)
				w.run(w.forwarder())
				time.Sleep(time.Hour)
				w.end()
				w.checkOnce(10)
				if all := w.platform.all(); len(all) != 2 || all[1].at < want[0] || all[1].at > want[1] {
					w.Errorf("requests: %+v, want a second one between %v and %v", all, want[0], want[1])
				}
			})
		})
	}
}

// Run holds at most 256 batches or 32 MiB and what it takes at once, and 64 or 8 MiB of
// an environment. What it has no room for it gives back, and it does not take that again
// and again. When the platform responds again, all are delivered.
func TestForwarderHoldsFewBatches(t *testing.T) {
	for _, test := range []struct {
		name                              string
		environments, batches, size, most int
		early                             int // batches that are taken before the others are put
	}{
		{"of one environment", 1, 600, 0, 64, 0},
		{"of many environments", 6, 100, 0, 256, 0},
		{"of many environments, not in full rounds", 6, 100, 0, 256, 1},
		{"large ones", 1, 12, 1 << 20, 8, 0},
		{"large ones of many environments", 6, 40, 200 << 10, 32<<20/(200<<10) + 32, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(r posted) reply {
				if r.at < time.Minute {
					return reply{status: 500, wait: time.Hour}
				}
				return reply{}
			}, func(w *world) {
				f := w.forwarder()
				w.run(f)
				w.put("e0", test.batches, test.early, 1)
				time.Sleep(time.Second)
				for i := range test.batches {
					for e := range test.environments {
						b := batchOf(fmt.Sprint("e", e), i, 1)
						b.Body = append(b.Body, make([]byte, test.size)...)
						for j := len(b.Body) - test.size; j < len(b.Body); j++ {
							b.Body[j] = ' '
						}
						if err := w.queue.Put(w.Context(), b); err != nil {
							w.Fatal(err)
						}
					}
				}
				time.Sleep(5 * time.Second)
				s := f.Stats()
				if held := int(s.Taken - s.Again); held > test.most || held < test.most*3/4 {
					w.Errorf("%d batches are held, want about %d", held, test.most)
				}
				if s.Again > 8*32 {
					w.Errorf("%d batches were given back in 5 s", s.Again)
				}
				time.Sleep(time.Hour)
				if n := len(w.queue.Batches()); n > 0 {
					w.Errorf("%d batches are left an hour later", n)
				}
				w.end()
			})
		})
	}
}

// A platform that does not respond in time to large requests gets smaller ones, also of
// a batch that is larger than those.
func TestForwarderSendsLessToASlowPlatform(t *testing.T) {
	bubble(t, func(r posted) reply {
		if len(r.ids) > 100 {
			return reply{status: 500, wait: time.Hour}
		}
		return reply{}
	}, func(w *world) {
		w.put("a", 0, 1, 900)
		w.run(w.forwarder())
		time.Sleep(2 * time.Hour)
		w.end()
		w.checkOnce(900)
	})
}

// After 413 the requests to which batches are joined are smaller.
func TestForwarderRemembersWhatIsTooLarge(t *testing.T) {
	bubble(t, func(r posted) reply {
		if r.size > 20_000 {
			return reply{status: 413}
		}
		return reply{}
	}, func(w *world) {
		for i := range 20 {
			w.put("a", i*1000, 10, 100)
			if i == 0 { // there is more than one batch to join when it begins
				w.run(w.forwarder())
			}
			time.Sleep(time.Minute)
		}
		w.end()
		w.checkOnce(20_000)
		tooLarge := 0
		for _, r := range w.platform.all() {
			if r.size > 20_000 {
				tooLarge++
			}
		}
		if tooLarge == 0 || tooLarge > 4 {
			w.Errorf("%d requests were too large, want 1 to 4", tooLarge)
		}
	})
}

// The pauses of an environment, and of a queue, are short again after a success.
func TestForwarderPausesAnew(t *testing.T) {
	bubble(t, func(r posted) reply {
		if r.at < time.Hour || r.at > 2*time.Hour && r.at < 2*time.Hour+10*time.Second {
			return reply{status: http.StatusBadGateway}
		}
		return reply{}
	}, func(w *world) {
		w.put("a", 0, 1, 10)
		w.run(w.forwarder())
		time.Sleep(2*time.Hour + time.Millisecond)
		w.put("a", 10, 1, 10)
		time.Sleep(time.Minute)
		w.end()
		w.checkOnce(20)
	})
	bubble(t, nil, func(w *world) {
		w.queue.Before(func(_ context.Context, op string) error {
			if at := time.Since(w.platform.began); op == "Take" && (at < time.Hour || at > 2*time.Hour && at < 2*time.Hour+time.Second) {
				return errors.New("down")
			}
			return nil
		})
		w.put("a", 0, 1, 10)
		w.run(w.forwarder())
		time.Sleep(2*time.Hour + time.Millisecond)
		w.put("a", 10, 1, 10) // the call of Take that waits returns it
		time.Sleep(10 * time.Millisecond)
		w.put("a", 20, 1, 10)
		time.Sleep(6 * time.Second)
		w.end()
		w.checkOnce(30)
	})
}

// Events count as sent again only if an earlier request with them may have arrived.
func TestForwarderCountsWhatIsSentAgain(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want uint64
	}{
		"unsent": {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, 0},
		"lost":   {errors.New("connection broke"), 20},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r posted) reply {
				if r.at < 100*time.Millisecond {
					return reply{status: 500, err: test.err}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 2, 10)
				f := w.forwarder()
				w.run(f)
				time.Sleep(time.Minute)
				w.end()
				w.checkOnce(20)
				if s := f.Stats(); s.Resent != test.want {
					w.Errorf("%d events were sent again, want %d", s.Resent, test.want)
				}
			})
		})
	}
}

// A batch of which the platform rejects every second event costs a bounded number of
// requests. What is not sent is a dead letter.
func TestForwarderEndsIsolating(t *testing.T) {
	bubble(t, func(r posted) reply {
		for _, id := range r.ids {
			if (id[4]-'0')%2 == 1 {
				return reply{status: 400}
			}
		}
		return reply{}
	}, func(w *world) {
		w.put("a", 0, 1, 1000)
		w.run(w.forwarder())
		time.Sleep(10 * time.Minute)
		w.end()
		w.checkOnce(1000, w.deadIDs("a")...)
		if n := len(w.platform.all()); n > 200 {
			w.Errorf("%d requests", n)
		}
	})
}
