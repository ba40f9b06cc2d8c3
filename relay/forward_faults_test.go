package relay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// A batch of which the platform rejects every event does not stop the other batches.
func TestForwarderPassesBatchesOfBadEvents(t *testing.T) {
	bubble(t, func(r posted) reply {
		if slices.ContainsFunc(r.ids, func(id string) bool { return id >= "10000" }) {
			return reply{status: 400}
		}
		return reply{}
	}, func(w *world) {
		w.put("a", 10000, 1, 300)
		w.put("a", 0, 10, 10)
		f := w.forwarder()
		f.DeadLetters.Max = 250
		w.run(f)
		for hour := range 10 {
			time.Sleep(time.Hour)
			w.put("a", 100+10*hour, 1, 10)
		}
		time.Sleep(3 * time.Hour) // of the batches of bad and good events, chance takes one
		w.end()
		if got := len(w.platform.delivered()); got != 200 {
			w.Errorf("%d of 200 good events arrived", got)
		}
		var bad []string
		for _, b := range w.queue.Batches() {
			bad = append(bad, idsOf(b.Body)...)
		}
		bad = append(bad, w.deadIDs("a")...)
		if slices.Sort(bad); len(slices.Compact(bad)) != 300 {
			w.Errorf("%d of 300 bad events are kept", len(slices.Compact(bad)))
		}
		if n := len(w.platform.all()); n > 1500 {
			w.Errorf("%d requests", n)
		}
	})
}

// Many batches of an environment that gets no requests, or slow ones, do not stop
// those of another that are behind them in the queue.
func TestForwarderReachesBatchesBehindOthers(t *testing.T) {
	t.Parallel()
	batches := 1000 // four times what a Forwarder takes
	if testkit.All() {
		batches = 4000
	}
	for name, answer := range map[string]reply{
		"refused": {status: 401}, "down": {status: 503}, "asks to wait": {status: 503, after: "3000"}, "slow": {wait: 9 * time.Second}, "stalled": {wait: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r posted) reply {
				if r.host == "a.test" {
					return answer
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, batches, 1)
				w.put("b", 90000, 1, 10)
				w.run(w.forwarder())
				time.Sleep(20 * time.Minute)
				if got := w.platform.delivered(); got["90000"] != 1 {
					w.Errorf("the batch of b arrived %d times in 20 minutes", got["90000"])
				}
				w.put("b", 90010, 1, 10)
				time.Sleep(5 * time.Minute)
				if got := w.platform.delivered(); got["90010"] != 1 {
					w.Errorf("the second batch of b arrived %d times in 5 minutes", got["90010"])
				}
				w.end()
				w.Logf("%d calls of Take, %d of Again", w.queue.Calls("Take"), w.queue.Calls("Again"))
			})
		})
	}
}

// A backlog of an environment whose platform is quick is delivered without long waits.
func TestForwarderDeliversBacklogs(t *testing.T) {
	bubble(t, func(posted) reply { return reply{wait: 50 * time.Millisecond} }, func(w *world) {
		w.put("a", 0, 2000, 10)
		w.run(w.forwarder())
		began := time.Now()
		for len(w.queue.Batches()) > 0 && time.Since(began) < time.Hour {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > 40*time.Second {
			w.Errorf("2000 batches took %v", took)
		} else {
			w.Logf("2000 batches took %v", took)
		}
		w.end()
		w.checkOnce(20000)
		w.Logf("%d calls of Take, %d of Again", w.queue.Calls("Take"), w.queue.Calls("Again"))
	})
}

// While batches cannot be removed from the queue, or what is left of them cannot be
// put, they are not delivered again and again, and the reason is logged.
func TestForwarderStopsWhileBatchesCannotBeRemoved(t *testing.T) {
	t.Parallel()
	for name, only := range map[string]func(op string) bool{
		"Done":          func(op string) bool { return op == "Done" },
		"Put":           func(op string) bool { return op == "Put" },
		"Done and more": func(op string) bool { return op == "Done" || op == "Again" || op == "Put" },
	} {
		t.Run(name, func(t *testing.T) {
			var down atomic.Bool
			bubble(t, func(r posted) reply {
				// Batches of a large request are cut, and only a part of them arrives.
				if slices.Contains(r.ids, "00005") {
					return reply{status: 400}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 200, 10)
				w.queue.Before(func(_ context.Context, op string) error {
					if down.Load() && only(op) {
						return errors.New("no right to " + op)
					}
					return nil
				})
				down.Store(true)
				f := w.forwarder()
				f.DeadLetters = nil // 00005 stays
				w.run(f)
				time.Sleep(time.Hour)
				most := 0
				for id, n := range w.platform.delivered() {
					if id >= "00010" && n > 1 && name == "Put" {
						w.Errorf("%s arrived %d times", id, n)
					}
					most = max(most, n)
				}
				if most > 1+12 {
					w.Errorf("an event arrived %d times in an hour", most)
				}
				if n := w.queue.Calls("Take"); n > 150 {
					w.Errorf("batches were taken %d times in an hour", n)
				}
				text := w.log.String()
				if err := f.Stats().Err; err == nil || !strings.Contains(text, "cannot be") ||
					strings.Count(text, "cannot be removed") > 1 || strings.Count(text, "cannot be put") > 1+strings.Count(text, "are put back") {
					w.Errorf("Stats.Err: %v, the log:\n%s", err, text)
				}
				down.Store(false)
				time.Sleep(time.Hour)
				w.end()
				if err := f.Stats().Err; err != nil {
					w.Errorf("Stats.Err: %v", err)
				}
				if got := len(w.platform.delivered()); got != 1999 {
					w.Errorf("%d events arrived", got)
				}
				for _, b := range w.queue.Batches() {
					if ids := idsOf(b.Body); !slices.Equal(ids, []string{"00005"}) {
						w.Errorf("left: %q", ids)
					}
				}
			})
		})
	}
}

// A batch that is removed while it is being extended is no error of the queue.
func TestForwarderExtendsBatchesThatAreRemoved(t *testing.T) {
	bubble(t, func(posted) reply { return reply{wait: 6 * time.Second} }, func(w *world) {
		w.queue.Before(func(_ context.Context, op string) error {
			if op == "Extend" {
				time.Sleep(5 * time.Second)
			}
			return nil
		})
		f := w.forwarder()
		w.run(f)
		time.Sleep(16 * time.Second) // batches are extended after 20 s
		w.put("a", 0, 1, 10)
		time.Sleep(time.Minute)
		if n := w.queue.Calls("Extend"); n != 1 || len(w.queue.Batches()) > 0 {
			w.Errorf("%d calls of Extend, and %d batches are left", n, len(w.queue.Batches()))
		}
		if err := f.Stats().Err; err != nil || strings.Contains(w.log.String(), "cannot be") {
			w.Errorf("Stats.Err: %v, the log:\n%s", err, w.log.String())
		}
		w.end()
	})
}

// A batch whose time is over belongs to another taker: no request with it begins.
func TestForwarderLeavesBatchesWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	bubble(t, func(posted) reply { return reply{wait: 8 * time.Second} }, func(w *world) {
		w.put("a", 0, 50, 900)
		w.queue.Before(func(_ context.Context, op string) error {
			if op == "Extend" && time.Since(w.platform.began) < 4*time.Minute {
				return errors.New("down")
			}
			return nil
		})
		w.run(w.forwarder(), w.forwarder())
		time.Sleep(3 * time.Hour)
		w.end()
		again := 0
		for _, n := range w.platform.delivered() {
			again += n - 1
		}
		if got := len(w.platform.delivered()); got != 45000 || len(w.queue.Batches()) > 0 {
			w.Errorf("%d events arrived, %d batches are left", got, len(w.queue.Batches()))
		}
		if again > 4000 {
			w.Errorf("%d events arrived again", again)
		}
		w.Logf("%d events arrived again, %d requests", again, len(w.platform.all()))
	})
}

// Batches with absurd times, and such that are too large for a dead letter, are kept.
func TestForwarderKeepsAbsurdBatches(t *testing.T) {
	t.Parallel()
	large := []byte(`["` + strings.Repeat("x", 15<<20))
	for name, b := range map[string]flush.Batch{
		"far future": {Environment: "a", Route: track, Body: []byte("["), At: time.UnixMilli(1 << 60)},
		"far past":   {Environment: "a", Route: track, Body: []byte("["), At: time.UnixMilli(-1 << 60)},
		"large":      {Environment: "a", Route: track, Body: large, At: time.Now()},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(w *world) {
				if err := w.queue.Put(w.Context(), b); err != nil {
					w.Fatal(err)
				}
				w.run(w.forwarder())
				time.Sleep(time.Hour)
				w.end()
				letters, err := w.dead.List(w.Context(), "a")
				if err != nil || len(letters)+len(w.queue.Batches()) != 1 {
					w.Errorf("%d dead letters and %d batches, want one; %v", len(letters), len(w.queue.Batches()), err)
				}
				if name != "large" && len(letters) != 1 {
					w.Errorf("%d dead letters, want 1; the log:\n%s", len(letters), w.log.String())
				}
			})
		})
	}
}

// A response to the secret of before does not stop the new one.
func TestForwarderIgnoresRefusalsOfAnOldSecret(t *testing.T) {
	bubble(t, func(r posted) reply {
		if r.secret != "new" {
			return reply{status: 401, wait: 5 * time.Second}
		}
		return reply{}
	}, func(w *world) {
		w.put("a", 0, 1, 10)
		w.run(w.forwarder())
		time.Sleep(time.Second)
		w.secret.Store("new")
		w.put("a", 10, 1, 10)
		time.Sleep(10 * time.Second)
		w.end()
		w.checkOnce(20)
	})
}

// DeleteUser finds a user as platforms do, whatever the form of the key.
func TestDeleteUserFindsAllForms(t *testing.T) {
	bubble(t, func(posted) reply { return reply{status: 400} }, func(w *world) {
		for _, item := range []string{
			`{"user":{"keyId":"ann<é","name":"x"},"variations":[{"featureFlagKey":"1"}]}`,
			`{"user":{"userName":"x","keyId":"ann<é"},"userVariations":[{"featureFlagKeyName":"1"}],"metrics":[]}`,
			`{"User":{"KeyId":"ann<é"},"Metrics":[{"EventName":"1"}]}`,
			`{"metrics":[{"eventName":"1"}],"user":{"keyId":"bob","keyId":"\u0061nn\u003c\u00E9"}}`,
		} {
			b := flush.Batch{Environment: "a", Route: "/other", Body: []byte("[" + item + "]"), At: time.Now()}
			if errs := w.forwarder().Forward(w.Context(), []flush.Batch{b}); errs[0] != nil {
				w.Fatal(errs)
			}
			if n, err := w.dead.DeleteUser(w.Context(), "a", "ann<é"); n != 1 || err != nil {
				w.Errorf("DeleteUser removed %d items, want 1: %s, %v", n, item, err)
			}
		}
	})
}
