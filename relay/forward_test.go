package relay_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

const (
	track   = "/api/public/insight/track"
	classic = "/api/public/track"
)

// posted is a request that a platform got.
type posted struct {
	at       time.Duration // since the beginning
	host     string
	path     string
	secret   string
	size     int
	ids      []string // of events
	accepted bool
}

// reply is what becomes of a request.
type reply struct {
	status int // 0 is 200
	after  string
	wait   time.Duration
	err    error // after the events were accepted, if status is 200
}

// receiver is a platform in memory, for any host.
type receiver struct {
	answer func(posted) reply

	mu       sync.Mutex
	began    time.Time
	requests []posted
	atOnce   map[string]int
	most     int // requests of a host at the same time
}

func (p *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	r := posted{
		at: time.Since(p.began), host: req.URL.Host, path: req.URL.Path, size: len(body), ids: idsOf(body),
		secret: req.Header.Get("Authorization") + req.Header.Get("envSecret"),
	}
	p.atOnce[r.host]++
	p.most = max(p.most, p.atOnce[r.host])
	p.mu.Unlock()
	var a reply
	if p.answer != nil {
		a = p.answer(r)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.wait > 0 {
		select {
		case <-time.After(a.wait):
		case <-req.Context().Done():
			a.err = req.Context().Err()
		}
	}
	p.mu.Lock()
	r.accepted = a.status == http.StatusOK
	p.requests = append(p.requests, r)
	p.atOnce[r.host]--
	p.mu.Unlock()
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{}
	if a.after != "" {
		header.Set("Retry-After", a.after)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: http.NoBody}, nil
}

// idsOf returns the events of a body: the names of its metrics.
func idsOf(body []byte) (ids []string) {
	var items []struct {
		Metrics    []struct{ EventName string }
		Variations []struct{ FeatureFlagKey string }
	}
	if json.Unmarshal(body, &items) != nil {
		return []string{"malformed"}
	}
	for _, i := range items {
		for _, v := range i.Variations {
			ids = append(ids, v.FeatureFlagKey)
		}
		for _, m := range i.Metrics {
			ids = append(ids, m.EventName)
		}
	}
	return ids
}

// delivered returns how often each event was accepted.
func (p *receiver) delivered() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := make(map[string]int)
	for _, r := range p.requests {
		if r.accepted {
			for _, id := range r.ids {
				n[id]++
			}
		}
	}
	return n
}

func (p *receiver) all() []posted {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// world is a queue, a platform, and forwarders between them.
type world struct {
	*testing.T
	queue    queuetest.Memory
	platform *receiver
	dead     relay.DeadLetters
	log      testkit.Log
	secret   atomic.Value // of all environments; without it, "secret of " and the name

	stop    context.CancelFunc
	running sync.WaitGroup
}

func newWorld(t *testing.T, answer func(posted) reply) *world {
	w := &world{T: t, platform: &receiver{answer: answer, began: time.Now(), atOnce: map[string]int{}}}
	w.dead.Backend = new(fleettest.Memory)
	return w
}

// forwarder returns a forwarder. Environments whose name begins with "unknown" have no
// destination.
func (w *world) forwarder() *relay.Forwarder {
	client := &http.Client{Transport: w.platform}
	return &relay.Forwarder{
		Queue: &w.queue,
		Destination: func(environment string) (relay.Destination, bool) {
			secret, ok := w.secret.Load().(string)
			if !ok {
				secret = "secret of " + environment
			}
			return relay.Destination{EventsURL: "http://" + environment + ".test/base/", EnvSecret: secret, HTTPClient: client},
				!strings.HasPrefix(environment, "unknown")
		},
		DeadLetters: &w.dead,
		Logger:      slog.New(slog.NewTextHandler(&w.log, nil)),
	}
}

// run starts forwarders, until end or the end of the test.
func (w *world) run(forwarders ...*relay.Forwarder) {
	ctx, cancel := context.WithCancel(w.Context())
	if before := w.stop; before != nil {
		w.stop = func() {
			before()
			cancel()
		}
	} else {
		w.stop = cancel
	}
	for _, f := range forwarders {
		w.running.Go(func() {
			if err := f.Run(ctx); !errors.Is(err, context.Canceled) {
				w.Errorf("Run: %v", err)
			}
		})
	}
}

func (w *world) end() {
	w.stop()
	w.running.Wait()
}

// put puts batches of so many events each. Each event has a number of its own.
func (w *world) put(environment string, from, batches, events int) {
	w.Helper()
	for i := range batches {
		if err := w.queue.Put(w.Context(), batchOf(environment, from+i*events, events)); err != nil {
			w.Fatal(err)
		}
	}
}

// batchOf returns a batch of events for three users.
func batchOf(environment string, from, events int) flush.Batch {
	body := []byte{'['}
	for u := range 3 {
		var metrics []string
		for i := u; i < events; i += 3 {
			metrics = append(metrics, fmt.Sprintf(`{"eventName":"%05d"}`, from+i))
		}
		if len(metrics) == 0 {
			continue
		}
		if u > 0 {
			body = append(body, ',')
		}
		half := len(metrics) / 2
		evaluations := strings.ReplaceAll(strings.Join(metrics[:half], ","), "eventName", "featureFlagKey")
		body = fmt.Appendf(body, `{"user":{"keyId":"user %d"},"variations":[%s],"metrics":[%s]}`, u, evaluations, strings.Join(metrics[half:], ","))
	}
	return flush.Batch{Environment: environment, Route: track, Body: append(body, ']'), At: time.Now()}
}

// checkOnce fails the test unless the events 0 to n-1 arrived once each, but those that
// are dead letters, and the queue is empty.
func (w *world) checkOnce(n int, dead ...string) {
	w.Helper()
	got := w.platform.delivered()
	for i := range n {
		id := fmt.Sprintf("%05d", i)
		if want := 1 - min(1, count(dead, id)); got[id] != want {
			w.Errorf("event %s arrived %d times, want %d", id, got[id], want)
		}
	}
	if left := w.queue.Batches(); len(left) != 0 {
		w.Errorf("%d batches are left", len(left))
	}
}

func count(list []string, id string) (n int) {
	for _, other := range list {
		if other == id {
			n++
		}
	}
	return n
}

// deadIDs returns the events that are dead letters.
func (w *world) deadIDs(environment string) (ids []string) {
	w.Helper()
	letters, err := w.dead.List(w.Context(), environment)
	if err != nil {
		w.Fatal(err)
	}
	for _, l := range letters {
		ids = append(ids, idsOf(l.Body)...)
	}
	slices.Sort(ids)
	return ids
}

// bubble runs a test with a world in a bubble.
func bubble(t *testing.T, answer func(posted) reply, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t, answer)) })
}

func TestForwarderJoinsBatches(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.put("a", 0, 12, 20)
		w.put("b", 1000, 3, 20)
		other := batchOf("a", 2000, 20)
		other.Route = classic
		if err := w.queue.Put(w.Context(), other); err != nil {
			w.Fatal(err)
		}
		f := w.forwarder()
		w.run(f)
		time.Sleep(time.Second)
		w.end()
		w.checkOnce(240)
		requests := w.platform.all()
		if len(requests) > 5 {
			w.Errorf("%d requests for 16 batches", len(requests))
		}
		for _, r := range requests {
			environment, _, _ := strings.Cut(r.host, ".")
			if path := "/base" + track; r.secret != "secret of "+environment || r.path != path && r.ids[0] != "02000" {
				w.Errorf("%q got a request for %q with %q", r.host, r.path, r.secret)
			}
			if slices.Contains(r.ids, "02000") && (len(r.ids) != 20 || r.path != "/base"+classic) {
				w.Errorf("two routes share a request: %q", r.ids)
			}
		}
		if s := f.Stats(); s.Taken != 16 || s.Forwarded != 320 || s.Again+s.Dead+s.Dropped+s.Resent != 0 || s.Requests != uint64(len(requests)) {
			w.Errorf("Stats: %+v", s)
		}
	})
}

// Requests have at most 512 KiB and 1,000 events, but for a batch that is larger, and
// an environment has at most two at the same time.
func TestForwarderLimitsRequests(t *testing.T) {
	for name, pad := range map[string]int{"events": 0, "bytes": 1000} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(posted) reply { return reply{wait: 300 * time.Millisecond} }, func(w *world) {
				for i := range 60 {
					b := batchOf("a", 90*i, 90)
					b.Body = bytes.ReplaceAll(b.Body, []byte(`{"eventName"`), []byte(`{"pad":"`+strings.Repeat("x", pad)+`","eventName"`))
					if err := w.queue.Put(w.Context(), b); err != nil {
						w.Fatal(err)
					}
				}
				w.run(w.forwarder(), w.forwarder())
				time.Sleep(time.Minute)
				w.end()
				w.checkOnce(60 * 90)
				for _, r := range w.platform.all() {
					if len(r.ids) > 1000 || r.size > 512<<10 {
						w.Errorf("a request has %d events in %d bytes", len(r.ids), r.size)
					}
				}
				if w.platform.most > 4 {
					w.Errorf("%d requests of an environment at the same time, with two forwarders", w.platform.most)
				}
			})
		})
	}
}

// While the platform is unavailable batches stay in the queue. Afterwards all of them
// arrive.
func TestForwarderRetries(t *testing.T) {
	broken := errors.New("connection broke")
	for name, bad := range map[string]reply{
		"408": {status: 408}, "421": {status: 421}, "425": {status: 425}, "429": {status: 429}, "500": {status: 500}, "502": {status: 502}, "503": {status: 503}, "504": {status: 504},
		"network": {status: 500, err: broken}, "timeout": {status: 500, wait: time.Hour}, "429 for 40 s": {status: 429, after: "40"},
		"400 with Retry-After": {status: 400, after: "3"},
	} {
		t.Run(name, func(t *testing.T) {
			const outage = 10 * time.Minute
			bubble(t, func(r posted) reply {
				if r.host == "a.test" && r.at < outage {
					return bad
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 10, 10)
				w.put("b", 100, 10, 10)
				f := w.forwarder()
				w.run(f)
				time.Sleep(outage / 2)
				failing := f.Stats().Failing
				if len(failing) != 1 || failing[0].Environment != "a" || failing[0].Err == nil {
					w.Errorf("failing: %+v", failing)
				}
				if got := w.platform.delivered(); len(got) != 100 {
					w.Errorf("%d events of the other environment arrived", len(got))
				}
				time.Sleep(outage/2 + 20*time.Minute)
				w.end()
				w.checkOnce(200)
				if n := len(w.platform.all()); n > 80 {
					w.Errorf("%d requests", n)
				}
				if n := strings.Count(w.log.String(), "level=WARN"); n != 1 {
					w.Errorf("%d warnings:\n%s", n, w.log.String())
				}
				if s := f.Stats(); len(s.Failing) != 0 || s.Dead != 0 {
					w.Errorf("Stats: %+v", s)
				}
			})
		})
	}
}

// An environment that the platform refuses pauses alone and loses nothing. A new
// secret is used at once.
func TestForwarderPausesOneEnvironment(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 404, 302, 405} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble(t, func(r posted) reply {
				if r.host == "a.test" && r.secret != "new" {
					return reply{status: status}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 10, 10)
				w.put("b", 100, 10, 10)
				f := w.forwarder()
				w.run(f)
				time.Sleep(6 * time.Hour)
				if n := len(w.platform.all()); n > 60 {
					w.Errorf("%d requests in 6 hours", n)
				}
				if got := w.platform.delivered(); len(got) != 100 {
					w.Errorf("%d events of the other environment arrived", len(got))
				}
				failing := f.Stats().Failing
				if len(failing) != 1 || errors.Is(failing[0].Err, flush.ErrRefused) != (status == 401 || status == 403) {
					w.Errorf("failing: %+v", failing)
				}
				text := w.log.String()
				if strings.Count(text, "refuses the events") != 1 || strings.Contains(text, "secret of") || strings.Contains(text, "user 1") {
					w.Errorf("the log:\n%s", text)
				}
				w.secret.Store("new")
				w.put("a", 200, 1, 10)
				time.Sleep(15 * time.Second)
				if got := w.platform.delivered(); got["00200"] != 1 {
					w.Error("the new secret is not used at once")
				}
				time.Sleep(10 * time.Minute)
				w.end()
				w.checkOnce(210)
			})
		})
	}
}

// Batches that are too large together, or alone, are sent in parts.
func TestForwarderSplitsLargeRequests(t *testing.T) {
	for _, limit := range []int{20_000, 3_000, 400} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			bubble(t, func(r posted) reply {
				if r.size > limit {
					return reply{status: 413}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 10, 100)
				w.run(w.forwarder())
				time.Sleep(time.Minute)
				w.end()
				w.checkOnce(1000)
				if dead := w.deadIDs("a"); len(dead) > 0 {
					w.Errorf("dead letters: %q", dead)
				}
			})
		})
	}
}

// An event that the platform rejects costs no other event, and can be sent again.
func TestForwarderIsolatesRejectedEvents(t *testing.T) {
	for _, status := range []int{400, 422} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var fixed atomic.Bool
			bubble(t, func(r posted) reply {
				if !fixed.Load() && (slices.Contains(r.ids, "00137") || slices.Contains(r.ids, "00850")) {
					return reply{status: status}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 10, 100)
				f := w.forwarder()
				w.run(f)
				time.Sleep(time.Minute)
				w.checkOnce(1000, "00137", "00850")
				if dead := w.deadIDs("a"); !slices.Equal(dead, []string{"00137", "00850"}) {
					w.Errorf("dead letters: %q", dead)
				}
				if n := len(w.platform.all()); n > 60 {
					w.Errorf("%d requests", n)
				}
				if s := f.Stats(); s.Dead != 2 || s.Forwarded != 998 {
					w.Errorf("Stats: %+v", s)
				}
				fixed.Store(true)
				if n, err := w.dead.Resend(w.Context(), &w.queue, "a"); n != 2 || err != nil {
					w.Errorf("Resend: %d, %v", n, err)
				}
				time.Sleep(time.Minute)
				w.end()
				w.checkOnce(1000)
				if dead := w.deadIDs("a"); len(dead) != 0 {
					w.Errorf("dead letters: %q", dead)
				}
			})
		})
	}
}

// A platform that rejects everything costs few requests, and no event.
func TestForwarderOfAPlatformThatRejectsAll(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 413} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var broken atomic.Bool
			broken.Store(true)
			bubble(t, func(posted) reply {
				if broken.Load() {
					return reply{status: status}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 10, 100)
				f := w.forwarder()
				w.run(f)
				time.Sleep(24 * time.Hour)
				if n := len(w.platform.all()); n > 500 {
					w.Errorf("%d requests in a day", n)
				}
				broken.Store(false)
				time.Sleep(time.Hour)
				w.end()
				dead := w.deadIDs("a")
				w.checkOnce(1000, dead...)
				if len(dead) > 300 {
					w.Errorf("%d dead letters", len(dead))
				}
			})
		})
	}
}

// What finds no room among the dead letters stays in the queue.
func TestForwarderKeepsWhatCannotBeADeadLetter(t *testing.T) {
	bubble(t, func(r posted) reply {
		if slices.ContainsFunc(r.ids, func(id string) bool { return strings.HasSuffix(id, "7") }) {
			return reply{status: 400}
		}
		return reply{}
	}, func(w *world) {
		w.dead.Max = 5
		w.put("a", 0, 10, 20)
		w.run(w.forwarder())
		time.Sleep(24 * time.Hour)
		w.end()
		dead := w.deadIDs("a")
		if len(dead) != 5 {
			w.Errorf("dead letters: %q", dead)
		}
		for _, b := range w.queue.Batches() {
			dead = append(dead, idsOf(b.Body)...)
		}
		if slices.Sort(dead); len(slices.Compact(dead)) != 20 {
			w.Errorf("dead letters or in the queue: %q", dead)
		}
		if got := w.platform.delivered(); len(got) != 180 {
			w.Errorf("%d events arrived", len(got))
		}
		if n := len(w.platform.all()); n > 144*20 {
			w.Errorf("%d requests", n)
		}
	})
}

// Without DeadLetters what is rejected stays in the queue.
func TestForwarderWithoutDeadLetters(t *testing.T) {
	t.Parallel()
	bubble(t, func(r posted) reply {
		if slices.Contains(r.ids, "00005") {
			return reply{status: 400}
		}
		return reply{}
	}, func(w *world) {
		w.put("a", 0, 3, 10)
		f := w.forwarder()
		f.DeadLetters = nil
		errs := f.Forward(w.Context(), []flush.Batch{batchOf("a", 0, 10), batchOf("a", 900, 10)})
		if !errors.Is(errs[0], relay.ErrDead) || errs[1] != nil {
			w.Errorf("Forward: %v", errs)
		}
		w.run(f)
		time.Sleep(time.Hour)
		if s := f.Stats(); len(s.Failing) > 0 {
			w.Errorf("one event makes an environment fail: %+v", s.Failing)
		}
		time.Sleep(23 * time.Hour)
		left := w.queue.Batches()
		if len(left) != 1 || !slices.Equal(idsOf(left[0].Body), []string{"00005"}) {
			w.Errorf("left: %q", left)
		}
		if n := len(w.platform.all()); n > 500 {
			w.Errorf("%d requests", n)
		}
		time.Sleep(7 * 24 * time.Hour)
		w.end()
		if s := f.Stats(); s.Dropped != 1 || len(w.queue.Batches()) != 0 {
			w.Errorf("Stats: %+v, left: %q", s, w.queue.Batches())
		}
	})
}

// What is old, malformed or hostile is not sent.
func TestForwarderDoesNotSendEverything(t *testing.T) {
	with := func(change func(*flush.Batch)) flush.Batch {
		b := batchOf("a", 1, 1)
		b.At = time.Time{}
		change(&b)
		return b
	}
	for name, b := range map[string]flush.Batch{
		"old":        batchOf("a", 1, 1),
		"not JSON":   with(func(b *flush.Batch) { b.Body = []byte(`[{"user":`) }),
		"two values": with(func(b *flush.Batch) { b.Body = []byte(`[] []`) }),
		"object":     with(func(b *flush.Batch) { b.Body = []byte(`{"a":1}`) }),
		"empty":      with(func(b *flush.Batch) { b.Body = nil }),
		"host":       with(func(b *flush.Batch) { b.Route = "@evil.test/" }),
		"route":      with(func(b *flush.Batch) { b.Route = "/api/other" }),
		"no route":   with(func(b *flush.Batch) { b.Route = "" }),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(w *world) {
				b := b
				if name == "old" {
					b.At = time.Now().Add(-8 * 24 * time.Hour)
				}
				if err := w.queue.Put(w.Context(), b); err != nil {
					w.Fatal(err)
				}
				if err := w.queue.Put(w.Context(), batchOf("a", 0, 1)); err != nil {
					w.Fatal(err)
				}
				f := w.forwarder()
				w.run(f)
				time.Sleep(time.Minute)
				w.end()
				w.checkOnce(1)
				if got := w.platform.delivered(); len(got) != 1 || len(w.platform.all()) != 1 {
					w.Errorf("sent: %v", w.platform.all())
				}
				letters, err := w.dead.List(w.Context(), "a")
				if err != nil || len(letters) != 1 || !bytes.Equal(letters[0].Body, b.Body) || letters[0].Route != b.Route || letters[0].Reason == "" {
					w.Errorf("dead letters: %+v, %v", letters, err)
				}
			})
		})
	}
}

// Batches of unknown environments stay in the queue until the environment is known.
func TestForwarderKeepsUnknownEnvironments(t *testing.T) {
	bubble(t, nil, func(w *world) {
		var known atomic.Bool
		f := w.forwarder()
		destination := f.Destination
		f.Destination = func(environment string) (relay.Destination, bool) {
			if !known.Load() {
				panic("not yet")
			}
			return destination(environment)
		}
		w.put("a", 0, 3, 10)
		w.put("unknown", 100, 3, 10)
		w.run(f)
		time.Sleep(time.Hour)
		known.Store(true)
		time.Sleep(2 * time.Minute)
		w.end()
		if n := len(w.queue.Batches()); n != 3 || len(w.platform.delivered()) != 30 {
			w.Errorf("%d batches are left, %d events arrived", n, len(w.platform.delivered()))
		}
	})
}

// A queue may fail, panic, hang, return nothing, or lose responses.
func TestForwarderSurvivesQueues(t *testing.T) {
	tests := map[string]func(w *world) flush.Queue{
		"fails": func(w *world) flush.Queue {
			w.queue.Before(func(_ context.Context, op string) error {
				if op == "Take" && time.Since(w.platform.began) < time.Minute {
					return errors.New("down")
				}
				return nil
			})
			return &w.queue
		},
		"panics": func(w *world) flush.Queue {
			w.queue.Before(func(_ context.Context, op string) error {
				if op != "Put" && time.Since(w.platform.began) < time.Minute {
					panic("down")
				}
				return nil
			})
			return &w.queue
		},
		"hangs": func(w *world) flush.Queue {
			w.queue.Before(func(ctx context.Context, op string) error {
				if op == "Done" && time.Since(w.platform.began) < 15*time.Second {
					<-ctx.Done()
				}
				return nil
			})
			return &w.queue
		},
		"returns nothing": func(w *world) flush.Queue { return emptyQueue{w} },
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(w *world) {
				w.put("a", 0, 10, 10)
				f := w.forwarder()
				f.Queue = test(w)
				w.run(f)
				time.Sleep(3 * time.Minute)
				if s := f.Stats(); s.Err != nil {
					w.Errorf("Stats: %+v", s)
				}
				w.end()
				w.checkOnce(100)
				if n := w.queue.Calls("Take"); n > 100 {
					w.Errorf("Take was called %d times", n)
				}
				if n := strings.Count(w.log.String(), "cannot be taken"); n > 1 {
					w.Errorf("the log:\n%s", w.log.String())
				}
			})
		})
	}
}

// emptyQueue returns nothing from Take in the first minute.
type emptyQueue struct{ w *world }

func (q emptyQueue) Put(ctx context.Context, b flush.Batch) error { return q.w.queue.Put(ctx, b) }

func (q emptyQueue) Take(ctx context.Context, most int) ([]flush.Delivery, error) {
	if time.Since(q.w.platform.began) < time.Minute {
		return nil, nil
	}
	taken, err := q.w.queue.Take(ctx, most)
	for i := range taken {
		taken[i].Extend = nil
	}
	return taken, err
}

// Batches that wait for a slow platform are extended, so that no other forwarder takes
// them.
func TestForwarderExtendsBatches(t *testing.T) {
	bubble(t, func(r posted) reply { return reply{wait: time.Duration(len(r.ids)) * 8 * time.Millisecond} }, func(w *world) {
		w.queue.Timeout = 30 * time.Second
		w.put("a", 0, 60, 200)
		w.run(w.forwarder())
		time.Sleep(time.Second)
		w.run(w.forwarder())
		time.Sleep(20 * time.Minute)
		w.end()
		w.checkOnce(12000)
		if w.queue.Calls("Extend") == 0 {
			w.Error("nothing was extended")
		}
		requests := w.platform.all()
		slices.SortFunc(requests, func(a, b posted) int { return cmp.Compare(a.at, b.at) })
		for _, r := range requests[10:] {
			if len(r.ids) > 250 {
				w.Errorf("a request has %d events although the platform takes 8 ms for each", len(r.ids))
			}
		}
	})
}

// When Run ends, a request under way may end, and all else is given back.
func TestForwarderGivesBackWhenItEnds(t *testing.T) {
	for name, wait := range map[string]time.Duration{"slow": 3 * time.Second, "stalled": time.Hour} {
		t.Run(name, func(t *testing.T) {
			var slow atomic.Bool
			slow.Store(true)
			bubble(t, func(posted) reply {
				if slow.Load() {
					return reply{wait: wait}
				}
				return reply{}
			}, func(w *world) {
				w.put("a", 0, 50, 500)
				w.run(w.forwarder())
				time.Sleep(time.Second)
				began := time.Now()
				w.end()
				if took := time.Since(began); took > 6*time.Second {
					w.Errorf("Run took %v to end", took)
				}
				slow.Store(false)
				taken, err := w.queue.Take(w.Context(), 100)
				if err != nil {
					w.Fatal(err)
				}
				arrived := 0
				for _, r := range w.platform.all() {
					if r.accepted && wait < time.Minute {
						arrived += len(r.ids)
					}
				}
				if len(taken)*500+arrived != 50*500 {
					w.Errorf("%d batches can be taken at once, %d events arrived", len(taken), arrived)
				}
			})
		})
	}
}

// Whatever fails, no event is lost.
func TestForwarderLosesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed, 1))
			chance := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return random.IntN(n)
			}
			var healthy atomic.Bool
			bubble(t, func(r posted) reply {
				if slices.Contains(r.ids, "00077") {
					return reply{status: 400}
				}
				if healthy.Load() {
					return reply{}
				}
				a := reply{wait: time.Duration(chance(3000)) * time.Millisecond}
				switch chance(8) {
				case 0:
					a.status = []int{400, 401, 408, 413, 429, 500, 503}[chance(7)]
				case 1:
					a.err = errors.New("lost")
				case 2:
					a.wait = time.Hour
				}
				return a
			}, func(w *world) {
				fault := func(_ context.Context, op string) error {
					if !healthy.Load() && op != "Put" && chance(6) == 0 {
						return errors.New("fault")
					}
					return nil
				}
				w.queue.Before(fault)
				w.queue.After(fault)
				const n = 2000
				for life := range 6 {
					w.put([]string{"a", "b"}[life%2], life*300, 30, 10)
					w.run(w.forwarder(), w.forwarder())
					time.Sleep(time.Duration(chance(180)) * time.Second)
					w.end()
				}
				w.put("a", 1800, 20, 10)
				healthy.Store(true)
				w.run(w.forwarder(), w.forwarder())
				time.Sleep(time.Hour)
				w.end()
				got := w.platform.delivered()
				dead := append(w.deadIDs("a"), w.deadIDs("b")...)
				for i := range n {
					id := fmt.Sprintf("%05d", i)
					if got[id] == 0 && !slices.Contains(dead, id) {
						w.Errorf("event %s is lost", id)
					}
				}
				if got["00077"] > 0 || len(w.queue.Batches()) > 0 {
					w.Errorf("%d batches are left", len(w.queue.Batches()))
				}
			})
		})
	}
}

// Forward returns an error for each batch.
func TestForward(t *testing.T) {
	bubble(t, func(r posted) reply {
		switch {
		case r.host == "down.test":
			return reply{status: 503}
		case r.host == "stalled.test":
			return reply{wait: time.Hour}
		}
		return reply{}
	}, func(w *world) {
		f := w.forwarder()
		ctx := testkit.Timeout(w.T, 5*time.Second)
		began := time.Now()
		batches := []flush.Batch{
			batchOf("a", 0, 10), batchOf("down", 100, 10), batchOf("a", 10, 10), batchOf("unknown", 200, 10), batchOf("stalled", 300, 10),
			{Environment: "a", Route: track, Body: []byte("[]")},
		}
		errs := f.Forward(ctx, batches)
		if took := time.Since(began); took > 5*time.Second+100*time.Millisecond {
			w.Errorf("took %v", took)
		}
		if errs[0] != nil || errs[2] != nil || errs[5] != nil || errs[1] == nil || !errors.Is(errs[3], relay.ErrNoDestination) || !errors.Is(errs[4], context.DeadlineExceeded) {
			w.Errorf("errors: %v", errs)
		}
		w.checkOnce(20)
		// The environment that is down gets no further request at once.
		_ = f.Forward(w.Context(), batches[1:2])
		n := len(w.platform.all())
		if errs = f.Forward(w.Context(), batches[1:2]); errs[0] == nil || len(w.platform.all()) != n {
			w.Errorf("errors: %v after %d requests", errs, len(w.platform.all())-n)
		}
		if s := f.Stats(); s.Taken != 8 || s.Forwarded != 20 || s.Again != 4 {
			w.Errorf("Stats: %+v", s)
		}
	})
}

func TestRunRejects(t *testing.T) {
	t.Parallel()
	err := new(relay.Forwarder).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Forwarder.Queue") || !strings.Contains(err.Error(), "Forwarder.Destination") {
		t.Errorf("error %v", err)
	}
}

// Nothing that a forwarder prints has a secret or data of users.
func TestForwarderPrintsNothing(t *testing.T) {
	t.Parallel()
	d := relay.Destination{EventsURL: "http://host.test", EnvSecret: "hidden"}
	l := relay.DeadLetter{ID: "id", Body: []byte("hidden")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format+format, d, l); strings.Contains(text, "hidden") || strings.Contains(text, fmt.Sprint([]byte("hidden"))) {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// Dead letters of a user are deleted, and those that are too old.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	for name, backend := range map[string]*fleettest.Memory{"unlimited": {}, "chunks": {Limit: 16 << 10}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(posted) reply { return reply{status: 400} }, func(w *world) {
				w.dead.Backend, w.dead.Max = backend, 5
				f := w.forwarder()
				for i := range 3 {
					b := batchOf("a", 10*i, 10)
					b.Route = "/other"
					b.Body = bytes.Replace(b.Body, []byte(`{"user"`), []byte(`{"pad":"`+randomText(60_000)+`","user"`), 1)
					if errs := f.Forward(w.Context(), []flush.Batch{b}); errs[0] != nil {
						w.Fatal(errs)
					}
				}
				malformed := flush.Batch{Environment: "a", Route: track, Body: []byte(`["user 1"`)}
				if errs := f.Forward(w.Context(), []flush.Batch{malformed}); errs[0] != nil {
					w.Fatal(errs)
				}
				if ids := w.deadIDs("a"); len(ids) != 31 {
					w.Errorf("dead letters: %q", ids)
				}
				n, err := w.dead.DeleteUser(w.Context(), "a", "user 1")
				if n != 4 || err != nil {
					w.Errorf("DeleteUser: %d, %v", n, err)
				}
				letters, err := w.dead.List(w.Context(), "a")
				if err != nil || len(letters) != 3 {
					w.Errorf("%d letters, %v", len(letters), err)
				}
				for _, l := range letters {
					if bytes.Contains(l.Body, []byte("user 1")) || !bytes.Contains(l.Body, []byte("user 2")) || l.Events != 7 {
						w.Errorf("letter: %v", l)
					}
				}
				if err := w.dead.Delete(w.Context(), "a", letters[0].ID, "missing"); err != nil {
					w.Error(err)
				}
				time.Sleep(15 * 24 * time.Hour)
				if ids := w.deadIDs("a"); len(ids) != 0 {
					w.Errorf("after 15 days: %q", ids)
				}
				if names := backend.Names(); len(names) != 1 {
					w.Errorf("left behind: %q", names)
				}
			})
		})
	}
}

func randomText(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[rand.IntN(64)]
	}
	return string(text)
}
