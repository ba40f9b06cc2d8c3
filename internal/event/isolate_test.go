package event

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// rejecting answers a status to requests with one of some events.
func rejecting(status int, names ...string) *testPlatform {
	return &testPlatform{answer: func(_ int, items []item) reply {
		for i := range items {
			for _, name := range names {
				if items[i].name() == name {
					return reply{status: status}
				}
			}
		}
		return reply{}
	}}
}

// checkOrder fails the test unless the numbered events of each user arrived once
// and in order.
func checkOrder(t *testing.T, p *testPlatform) {
	t.Helper()
	last := map[string]string{}
	for _, r := range p.seen() {
		if r.reply.status != 200 {
			continue
		}
		for i := range r.items {
			who, name := r.items[i].User.KeyID, r.items[i].name()
			if name <= last[who] {
				t.Errorf("%s: %s arrived after %s", who, name, last[who])
			}
			last[who] = name
		}
	}
}

// TestPoisonedEvent shows that an event that the platform cannot store costs no
// other event, whatever its user is and whatever else is recorded meanwhile, though
// it may be in an item with others.
func TestPoisonedEvent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		cfg        flush.Config
		users      int // 0 is one for each event
		events     int
		flushEvery int
		poisoned   []int
	}{
		{name: "the first of 96", events: 96, flushEvery: 5, poisoned: []int{0}},
		{name: "without retries", cfg: flush.Config{Retries: -1}, events: 96, flushEvery: 5, poisoned: []int{0}},
		{name: "in the middle of 20,001", cfg: flush.Config{Capacity: 1000}, events: 20_001, flushEvery: 5, poisoned: []int{10_000}},
		{name: "in large deliveries", cfg: flush.Config{Capacity: 1000, BatchSize: 100}, events: 20_001, flushEvery: 300, poisoned: []int{10_000}},
		{name: "of ten users", cfg: flush.Config{Capacity: 1000, BatchSize: 100}, users: 10, events: 20_001, flushEvery: 100, poisoned: []int{10_000}},
		{name: "of one user, first", users: 1, events: 200, flushEvery: 5, poisoned: []int{0}},
		{name: "of one user, in the middle", users: 1, events: 300, flushEvery: 5, poisoned: []int{57}},
		{name: "several of one user", users: 1, events: 500, flushEvery: 5, poisoned: []int{20, 21, 60, 99}},
		{name: "several of several users", users: 7, events: 500, flushEvery: 5, poisoned: []int{20, 21, 27, 60, 99, 100}},
		{name: "one after the other", events: 1000, flushEvery: 10, poisoned: []int{0, 100, 200, 300, 400, 500, 600}},
		{name: "a burst", events: 2000, flushEvery: 10, poisoned: []int{100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125}},
		{name: "one event a delivery", events: 100, flushEvery: 1, poisoned: []int{0, 50}},
		{name: "one event a request", cfg: flush.Config{BatchSize: 1}, events: 200, flushEvery: 5, poisoned: []int{7}},
	}
	onBoth(t, func(t *testing.T, d *platform.Protocol) {
		for _, test := range tests {
			for _, status := range []int{500, 400, 422} {
				if test.events > 1000 && (status != 500 || d.ItemPerUser) {
					continue
				}
				if test.events > 20_000 && test.users == 0 && !testkit.All() {
					continue
				}
				t.Run(fmt.Sprintf("%s, %d", test.name, status), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var poisoned []string
						for _, n := range test.poisoned {
							poisoned = append(poisoned, fmt.Sprintf("%06d", n))
						}
						sink := rejecting(status, poisoned...)
						p := inMemoryOf(d, test.cfg, sink)
						var log bytes.Buffer
						logTo(p, &log)
						for n := range test.events {
							who := n
							if test.users > 0 {
								who %= test.users
							}
							record(p, user(fmt.Sprint("u", who)), fmt.Sprintf("%06d", n))
							if (n+1)%test.flushEvery == 0 {
								before := len(sink.since(0))
								_ = p.Flush(t.Context())
								checkExtra(t, sink.since(before), &p.cfg)
							}
						}
						_ = p.Close(t.Context())
						want := flush.Stats{Recorded: uint64(test.events), Delivered: uint64(test.events - len(poisoned))}
						want.Dropped.Rejected = uint64(len(poisoned))
						got := p.Stats()
						want.Requests = got.Requests
						checkStats(t, p, want)
						if got.Requests > uint64(test.events) && test.flushEvery > 1 && test.cfg.BatchSize != 1 {
							t.Errorf("%d requests", got.Requests)
						}
						checkOrder(t, sink)
						if got := strings.Count(log.String(), "an event was dropped"); got != len(poisoned) {
							t.Errorf("%d lines about a dropped event:\n%s", got, &log)
						}
					})
				})
			}
		}
	})
}

// since returns the requests from number n on.
func (p *testPlatform) since(n int) []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[n:len(p.requests):len(p.requests)]
}

// checkExtra fails the test if a delivery made more requests for parts than it
// may.
func checkExtra(t *testing.T, requests []request, cfg *flush.Config) {
	t.Helper()
	events := map[string]bool{}
	for _, r := range requests {
		for i := range r.items {
			events[r.items[i].name()] = true
		}
	}
	regular := (1 + cfg.Retries) * (cfg.Requests + 1 + len(events)/cfg.BatchSize)
	if len(requests) > regular+20 {
		t.Errorf("%d requests in a delivery of %d events", len(requests), len(events))
	}
}

// TestPoisonedEventSteps shows what each delivery sends.
func TestPoisonedEventSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := rejecting(500, "bad")
		p := inMemory(flush.Config{}, sink)
		p.isolation.accepted = 1e6 // it is known not to reject at random
		steps := []struct {
			others string // recorded before the delivery
			want   string
		}{
			{others: "a c", want: "a bad c|a bad c|a bad c"},     // with retries
			{others: "d", want: "a bad c d|a bad c d|a bad c d"}, // d is with them for the first time
			{others: "e", want: "d e|a|bad|c"},                   // bad has its first strike
			{others: "", want: "bad"},                            // nothing else was accepted
			{others: "f", want: "f|bad"},
			{others: "", want: "bad"},
			{others: "g", want: "g|bad"}, // and is dropped
			{others: "h", want: "h"},
		}
		for i, step := range steps {
			for _, name := range strings.Fields(step.others) {
				record(p, user(name), name)
				if name == "a" {
					record(p, user("v"), "bad")
				}
			}
			before := len(sink.seen())
			err := p.Flush(t.Context())
			var got []string
			for _, r := range sink.seen()[before:] {
				got = append(got, r.names())
			}
			if text := strings.Join(got, "|"); text != step.want {
				t.Errorf("delivery %d sent %s, expected %s (%v)", i+1, text, step.want, err)
			}
		}
		checkStats(t, p, flush.Stats{Recorded: 8, Delivered: 7, Dropped: flush.Dropped{Rejected: 1}, Requests: p.Stats().Requests})
	})
}

// TestNothingAcceptedIsOutage shows that nothing is dropped while the platform
// accepts nothing, however long that is, and that all is delivered soon after.
func TestNothingAcceptedIsOutage(t *testing.T) {
	t.Parallel()
	for _, users := range []int{1, 3, 500} {
		for _, perDelivery := range []int{0, 5} {
			for _, status := range []int{400, 500} {
				t.Run(fmt.Sprintf("%d users, %d events a delivery, %d", users, perDelivery, status), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						down := true
						sink := testPlatform{answer: func(int, []item) reply {
							if down {
								return reply{status: status}
							}
							return reply{}
						}}
						p := inMemory(flush.Config{BatchSize: 20}, &sink)
						n := 0
						come := func(events int) {
							for range events {
								record(p, user(fmt.Sprint("u", n%users)), fmt.Sprintf("%06d", n))
								n++
							}
						}
						come(200)
						before := 0
						for i := range 60 {
							checkError(t, p.Flush(t.Context()), &flush.Error{Retained: n})
							requests := len(sink.since(before))
							before += requests
							if most := 3*4 + 4; requests > most+maxVain || i > 20 && requests > most+2 {
								t.Errorf("%d requests in delivery %d", requests, i+1)
							}
							come(perDelivery)
						}
						down = false
						for i := 0; p.Flush(t.Context()) != nil; i++ {
							if i == 4 {
								t.Fatalf("after %d deliveries: %+v", i, p.Stats())
							}
						}
						checkStats(t, p, flush.Stats{Recorded: uint64(n), Delivered: uint64(n), Requests: p.Stats().Requests})
						checkOrder(t, &sink)
					})
				})
			}
		}
	}
}

// TestOverloadLosesNothing shows that no event is dropped when the platform
// rejects half of the requests, at random or in turn.
func TestOverloadLosesNothing(t *testing.T) {
	t.Parallel()
	seeds := uint64(8)
	if testkit.All() {
		seeds = 20
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 5))
			cfg := flush.Config{
				Retries:   random.IntN(4) - 1,
				BatchSize: []int{1, 3, 20, 0}[random.IntN(4)],
				Requests:  1 + random.IntN(4),
			}
			inTurn := random.IntN(4) == 0
			overloadAt := random.IntN(2) * 100
			sink := testPlatform{}
			sink.answer = func(n int, _ []item) reply {
				sink.mu.Lock()
				defer sink.mu.Unlock()
				if n < overloadAt {
					return reply{}
				}
				if inTurn && n%2 == 0 || !inTurn && random.IntN(2) == 0 {
					return reply{status: 500}
				}
				return reply{}
			}
			p := inMemory(cfg, &sink)
			users := 1 + random.IntN(300)
			every := 1 + random.IntN(40)
			const events = 1500
			for n := range events {
				record(p, user(fmt.Sprint("u", n%users)), fmt.Sprintf("%06d", n))
				if n%every == 0 {
					_ = p.Flush(t.Context())
				}
			}
			for i := 0; p.Flush(t.Context()) != nil && i < 1000; i++ {
				checkBooks(t, p.Stats())
			}
			if s := p.Stats(); s.Delivered != events {
				t.Errorf("seed %d, %+v, in turn %v, overloaded from %d, %d users, delivery every %d: %+v", seed, cfg, inTurn, overloadAt, users, every, s)
			}
			checkOrder(t, &sink)
		})
	}
}

// TestOutagesBlameNoEvent shows which failures are never an event's: requests are
// not split, and nothing is dropped.
func TestOutagesBlameNoEvent(t *testing.T) {
	fails := []reply{
		{status: 408}, {status: 429}, {status: 502}, {status: 503}, {status: 504}, {status: 501}, {status: 404}, {status: 403},
		{status: 500, after: "1"}, {status: 400, after: "0"}, {status: 422, after: "2"}, {status: 413, after: "1"}, {err: errReset},
	}
	for _, fail := range fails {
		t.Run(fmt.Sprintf("%+v", fail), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := rejecting(500)
				bad := rejecting(500, "bad").answer
				sink.answer = func(n int, items []item) reply {
					if bad(n, items).status == 500 {
						return fail
					}
					return reply{}
				}
				p := inMemory(flush.Config{Retries: -1, BatchSize: 3, Requests: 1}, sink)
				for i := range 20 {
					record(p, user("good"), "good")
					if i == 0 {
						record(p, user("v"), "bad")
						record(p, user("w"), "w")
					}
					_ = p.Flush(t.Context())
					time.Sleep(3 * time.Second)
				}
				for _, r := range sink.seen() {
					if len(r.items) == 1 {
						t.Errorf("a request was split: %s", r.names())
					}
				}
				if s := p.Stats(); s.Dropped.Total() != 0 || s.Queued != 22 {
					t.Errorf("Stats: %+v", s)
				}
			})
		})
	}
}

// TestOutageOfOnlyUserEnds has an outage that ends while the only user's events
// are tried: the first of them is not to blame.
func TestOutageOfOnlyUserEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		sink := testPlatform{answer: func(_ int, items []item) reply {
			if len(items) == 1 && items[0].name() != "000000" {
				down = false
			}
			if down {
				return reply{status: 500}
			}
			return reply{}
		}}
		p := inMemory(flush.Config{}, &sink)
		record(p, user("u"), "000000", "000001", "000002", "000003")
		for i := 0; p.Flush(t.Context()) != nil && i < 100; i++ {
		}
		checkStats(t, p, flush.Stats{Recorded: 4, Delivered: 4, Requests: p.Stats().Requests})
	})
}

// TestCloseIsolates shows that Close, after which there is no delivery, delivers
// what can be delivered.
func TestCloseIsolates(t *testing.T) {
	for _, status := range []int{400, 500} {
		synctest.Test(t, func(t *testing.T) {
			sink := rejecting(status, "000041", "000042", "000077")
			p := inMemory(flush.Config{}, sink)
			for n := range 100 {
				record(p, user(fmt.Sprint("u", n%40)), fmt.Sprintf("%06d", n))
			}
			checkError(t, p.Close(t.Context()), &flush.Error{Delivered: 95, Dropped: 5, Cause: flush.ErrRejected})
			checkStats(t, p, flush.Stats{Recorded: 100, Delivered: 95, Dropped: flush.Dropped{Closed: 5}, Requests: p.Stats().Requests})
			checkOrder(t, sink)
		})
	}
}

// TestIsolateInShortDeliveries has time for one or two requests a delivery, as
// on Lambda.
func TestIsolateInShortDeliveries(t *testing.T) {
	for _, requests := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(requests), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := rejecting(500, "000003", "000012")
				answer := sink.answer
				sink.answer = func(n int, items []item) reply {
					r := answer(n, items)
					r.wait = 100 * time.Millisecond
					return r
				}
				p := inMemory(flush.Config{}, sink)
				for n := range 300 {
					record(p, user(fmt.Sprint("u", n)), fmt.Sprintf("%06d", n))
					if n < 15 {
						continue
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(requests)*100*time.Millisecond+50*time.Millisecond)
					_ = p.Flush(ctx)
					cancel()
				}
				_ = p.Close(t.Context())
				s := p.Stats()
				checkBooks(t, s)
				// With time for one request, no delivery can tell an event from an outage.
				if s.Delivered != 298 || requests > 1 && s.Dropped != (flush.Dropped{Rejected: 2}) {
					t.Errorf("Stats: %+v", s)
				}
			})
		})
	}
}

// TestIsolateInBackground shows a poisoned event beside steady traffic: only its
// user's later events wait, and not for long.
func TestIsolateInBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := rejecting(500, "000500")
		p := inMemory(flush.Config{Interval: 3 * time.Second}, sink)
		stop := run(p)
		for n := range 3000 {
			record(p, user(fmt.Sprint("u", n%50)), fmt.Sprintf("%06d", n))
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		if s := p.Stats(); s.Queued > 300 {
			t.Errorf("Stats: %+v", s)
		}
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: int(p.Stats().Queued), Dropped: 1, Cause: flush.ErrRejected})
		checkStats(t, p, flush.Stats{Recorded: 3000, Delivered: 2999, Dropped: flush.Dropped{Rejected: 1}, Requests: p.Stats().Requests})
		checkOrder(t, sink)
	})
}

// TestConclusive shows how many rejections it takes to drop an event.
func TestConclusive(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		accepted, atRandom float64
		want               uint8
	}{
		{0, 0, 27}, {3, 0, 12}, {10, 0, 8}, {20, 0, 6}, {40, 0, 5}, {20, 20, 27}, {30, 1, 7}, {10, 90, 162}, {0, 1e9, 255},
	} {
		s := isolation{accepted: test.accepted, atRandom: test.atRandom}
		if got := s.conclusive(); got != test.want {
			t.Errorf("%v accepted, %v at random: %d rejections, expected %d", test.accepted, test.atRandom, got, test.want)
		}
	}
}

// TestBrokenBackendLosesNothing has a balancer with two backends, one of which
// answers 500 to everything. Connections are kept, so many requests in a row go
// to the same one.
func TestBrokenBackendLosesNothing(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %v", http2), func(t *testing.T) {
			t.Parallel()
			var sink testPlatform
			var conns atomic.Int64
			var repaired atomic.Bool
			type number struct{}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Context().Value(number{}).(int64)%2 == 0 && !repaired.Load() {
					_, _ = io.Copy(io.Discard, r.Body)
					time.Sleep(5 * time.Millisecond) // its connection is the one that was used last
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				sink.ServeHTTP(w, r)
			}))
			server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, number{}, conns.Add(1))
			}
			server.EnableHTTP2 = http2
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			server.StartTLS()
			t.Cleanup(server.Close)
			p := New(flush.Config{BatchSize: 5, Requests: 2, Retries: -1}, destination(server.URL, server.Client()))
			const events = 600
			for n := range events {
				record(p, user(fmt.Sprint("u", n%50)), fmt.Sprintf("%06d", n))
				if n%20 == 0 {
					_ = p.Flush(t.Context())
				}
			}
			repaired.Store(true)
			for i := 0; p.Flush(t.Context()) != nil && i < 100; i++ {
				checkBooks(t, p.Stats())
			}
			if s := p.Stats(); s.Delivered != events {
				t.Errorf("Stats: %+v", s)
			}
			checkOrder(t, &sink)
		})
	}
}

func TestMostRejectedComeFirst(t *testing.T) {
	t.Parallel()
	var users [][]*waiting
	for i, rejections := range []uint8{1, 255, 2, 1, 0, 255} {
		users = append(users, []*waiting{{shard: uint16(i), suspicion: suspicion{rejections: rejections}}})
	}
	var got []uint16
	for _, user := range mostRejected(users) {
		got = append(got, user[0].shard)
	}
	if want := []uint16{1, 5, 2, 0, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("order %v, expected %v", got, want)
	}
}
