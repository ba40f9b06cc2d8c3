package ffc_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// lasting is evaluating for requests that last.
func lasting(client *ffc.Client, d time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		evaluating(client).ServeHTTP(w, r)
		time.Sleep(d)
	})
}

// TestMiddlewareDeliversWithTheNextRequest: the events of a request leave while
// the next one is handled, and no request waits, whatever the endpoint does.
func TestMiddlewareDeliversWithTheNextRequest(t *testing.T) {
	for name, endpoint := range map[string]platforms.Reply{
		"quick": {}, "slow": {After: 150 * time.Millisecond}, "hangs": {Hang: true}, "down": {Err: platforms.ErrDown}, "panics": {Panics: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t, ffctest.Flag("a"))
				client := m.client(func(_ *ffc.Config, p *poll.Transport) { p.MaxAge = 24 * time.Hour })
				m.Set(platforms.Reply{}, endpoint)
				h := client.Middleware(evaluating(client))
				for i := range 10 {
					if _, took := serve(t.Context(), h, fmt.Sprint(i)); took != 0 {
						t.Errorf("request %d took %v", i, took)
					}
					time.Sleep(time.Minute)
					if arrived := m.Arrived(); endpoint.Err == nil && !endpoint.Hang && !endpoint.Panics && arrived < i {
						t.Errorf("after request %d: %d events arrived", i, arrived)
					}
				}
				m.Set(platforms.Reply{}, platforms.Reply{})
				if err := client.Close(t.Context()); err != nil {
					t.Error(err)
				}
				m.CheckCounts(client.Stats().Events, 10)
				if m.Arrived() != 10 {
					t.Errorf("%d events arrived, want 10", m.Arrived())
				}
			})
		})
	}
}

// TestMiddlewareBeginsNoDeliveryBetweenRequests: the events of the last request
// wait for the next one or for Close, however long that is.
func TestMiddlewareBeginsNoDeliveryBetweenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		serve(t.Context(), client.Middleware(evaluating(client)), "u")
		time.Sleep(time.Hour)
		if _, posts := m.Requests(); posts != 0 {
			t.Errorf("%d deliveries with no request under way", posts)
		}
		if err := client.Close(t.Context()); err != nil || m.Arrived() != 1 {
			t.Errorf("Close returned %v, %d events arrived", err, m.Arrived())
		}
	})
}

// TestMiddlewareDeliversUnderLoad: under steady load events leave at the pace of
// the configuration, and no request carries a delivery.
func TestMiddlewareDeliversUnderLoad(t *testing.T) {
	tests := []struct {
		name     string
		cfg      ffc.MiddlewareConfig
		capacity int
		post     platforms.Reply
		from, to int // deliveries in 30 s with 300 requests
	}{
		{name: "defaults", from: 9, to: 11, post: platforms.Reply{After: 50 * time.Millisecond}},
		{name: "every second", cfg: ffc.MiddlewareConfig{FlushEvery: time.Second}, from: 27, to: 31},
		{name: "20 events", cfg: ffc.MiddlewareConfig{FlushEvery: time.Hour, FlushEvents: 20}, from: 13, to: 16},
		{name: "half of the queue", cfg: ffc.MiddlewareConfig{FlushEvery: -1, FlushEvents: -1}, capacity: 40, from: 13, to: 16},
		{name: "slower than the pace", from: 6, to: 8, post: platforms.Reply{After: 4 * time.Second}},
		{name: "endpoint silent", from: 2, to: 6, post: platforms.Reply{Hang: true}},
		{name: "endpoint dead", from: 10, to: 25, post: platforms.Reply{Err: platforms.ErrDown}}, // with retries
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t, ffctest.Flag("a"))
				client := m.client(func(c *ffc.Config, p *poll.Transport) {
					c.Events.Capacity = test.capacity
					c.Events.BatchSize = 1000
					p.MaxAge = time.Hour
				})
				m.Set(platforms.Reply{}, test.post)
				const lasts = 199 * time.Millisecond
				h := client.MiddlewareWith(test.cfg, lasting(client, lasts))
				var wg sync.WaitGroup
				for i := range 300 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 100 * time.Millisecond)
						if _, took := serve(t.Context(), h, fmt.Sprint(i)); took != lasts {
							t.Errorf("request %d took %v", i, took)
						}
					})
				}
				wg.Wait()
				if _, posts := m.Requests(); posts < test.from || posts > test.to {
					t.Errorf("%d deliveries, want %d to %d", posts, test.from, test.to)
				}
				m.Set(platforms.Reply{}, platforms.Reply{})
				if err := client.Close(t.Context()); err != nil {
					t.Error(err)
				}
				m.CheckCounts(client.Stats().Events, 300)
				if m.Arrived() != 300 {
					t.Errorf("%d events arrived, want 300", m.Arrived())
				}
			})
		})
	}
}

// TestMiddlewareLongStream: a request that never ends keeps neither its own
// events back nor those of others.
func TestMiddlewareLongStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		ctx, leave := context.WithCancel(t.Context())
		stream := client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				evaluating(client).ServeHTTP(w, r)
				time.Sleep(time.Second)
			}
		}))
		done := make(chan struct{})
		go func() {
			defer close(done)
			serve(ctx, stream, "stream")
		}()
		time.Sleep(time.Minute - 1)
		if n := m.Arrived(); n < 56 {
			t.Errorf("%d of 60 events of the stream arrived", n)
		}
		other := client.Middleware(evaluating(client)) // counts with the same client
		for range 20 {
			if _, took := serve(t.Context(), other, "other"); took != 0 {
				t.Errorf("a request took %v", took)
			}
			time.Sleep(time.Second)
		}
		if n := m.Arrived(); n < 60+40-8 {
			t.Errorf("%d of 100 events arrived", n)
		}
		leave()
		<-done
	})
}

// TestMiddlewareHoldsResponses: HoldResponse lets a request wait for its own
// events, and no longer than it says.
func TestMiddlewareHoldsResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(func(_ *ffc.Config, p *poll.Transport) { p.MaxAge = 24 * time.Hour })
		m.Set(platforms.Reply{}, platforms.Reply{After: 150 * time.Millisecond})
		h := client.MiddlewareWith(ffc.MiddlewareConfig{HoldResponse: time.Second}, evaluating(client))
		for i := range 3 {
			if _, took := serve(t.Context(), h, fmt.Sprint(i)); took != 150*time.Millisecond || m.Arrived() != i+1 {
				t.Errorf("request %d took %v, %d events arrived", i, took, m.Arrived())
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, took := serve(gone, h, "gone"); took != 0 {
			t.Errorf("a request whose client had gone took %v", took)
		}
		time.Sleep(time.Minute)
		m.Set(platforms.Reply{}, platforms.Reply{Hang: true})
		if _, took := serve(t.Context(), h, "hangs"); took != time.Second {
			t.Errorf("a request took %v, want HoldResponse", took)
		}
		held := 0
		for i := range 600 { // ten minutes
			time.Sleep(time.Second)
			if _, took := serve(t.Context(), h, fmt.Sprint(i)); took > time.Second {
				t.Errorf("a request took %v", took)
			} else if took > 0 {
				held++
			}
		}
		if held > 30 {
			t.Errorf("%d of 600 requests were held in an outage", held)
		}
		m.Set(platforms.Reply{}, platforms.Reply{})
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		m.CheckCounts(client.Stats().Events, 605)
		if m.Arrived() != 605 {
			t.Errorf("%d events arrived, want 605", m.Arrived())
		}
	})
}

// frozen is a platform whose answers the client cannot read before it is thawed:
// a request to it is answered after 150 ms of the real time that goes on
// meanwhile.
type frozen struct {
	*memory
	mu     sync.Mutex
	thawed chan struct{} // closed while the process runs
}

func (f *frozen) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.thawed = make(chan struct{})
}

func (f *frozen) thaw() { close(f.thawed) }

func (f *frozen) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.memory.Memory.RoundTrip(req)
	f.mu.Lock()
	thawed := f.thawed
	f.mu.Unlock()
	<-thawed
	if ended := req.Context().Err(); ended != nil { // a timeout came before the answer was read
		return nil, ended
	}
	return resp, err
}

// TestMiddlewareFrozenBetweenRequests: a process that is frozen 1 ms after each
// response delivers each event once, at the latest with the next request but
// one. TestMiddlewareStopped does so with a process that is really stopped.
func TestMiddlewareFrozenBetweenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &frozen{memory: newMemory(t, ffctest.Flag("a")), thawed: make(chan struct{})}
		f.thaw()
		client := f.client(func(c *ffc.Config, p *poll.Transport) {
			c.HTTPClient = &http.Client{Transport: f}
			p.MaxAge = 24 * time.Hour
		})
		f.Set(platforms.Reply{}, platforms.Reply{After: 150 * time.Millisecond})
		h := client.Middleware(evaluating(client))
		for i := range 20 {
			if i > 0 {
				f.thaw()
			}
			if _, took := serve(t.Context(), h, fmt.Sprint(i)); took != 0 {
				t.Errorf("request %d took %v", i, took)
			}
			time.Sleep(time.Millisecond)
			f.freeze()
			time.Sleep(time.Minute)
			if arrived := f.Arrived(); arrived < i-1 {
				t.Errorf("after request %d: %d events arrived", i, arrived)
			}
		}
		f.thaw()
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		f.CheckCounts(client.Stats().Events, 20)
		if s := client.Stats().Events; s.Delivered != 20 || s.Resent != 0 || s.Dropped.Total() != 0 {
			t.Errorf("the books say %+v", s)
		}
	})
}

// TestMiddlewareHealsFromALostAnswer: a connection that dies while the process
// is frozen does not hold events back, even if all requests are short.
func TestMiddlewareHealsFromALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(func(_ *ffc.Config, p *poll.Transport) { p.MaxAge = 24 * time.Hour })
		m.Set(platforms.Reply{}, platforms.Reply{Hang: true})
		h := client.Middleware(lasting(client, time.Millisecond))
		for i := range 12 {
			serve(t.Context(), h, fmt.Sprint(i))
			time.Sleep(time.Minute)
			if i == 2 {
				m.Set(platforms.Reply{}, platforms.Reply{}) // for new requests
			}
		}
		if n := m.Arrived(); n < 10 {
			t.Errorf("%d of 12 events arrived", n)
		}
	})
}

// TestMiddlewareDeliveryOutage: an outage of ten minutes costs no request time
// and no event.
func TestMiddlewareDeliveryOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(func(c *ffc.Config, p *poll.Transport) { c.Events.Requests, p.MaxAge = 1, time.Hour })
		m.Set(platforms.Reply{}, platforms.Reply{Err: platforms.ErrDown})
		h := client.Middleware(evaluating(client))
		requests := 0
		for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			requests++
			if _, took := serve(t.Context(), h, fmt.Sprint(requests)); took != 0 {
				t.Fatalf("a request took %v", took)
			}
		}
		// Pauses of 1, 2, 4 .. 60 s, of which up to a half is random, after three
		// requests each.
		if _, posts := m.Requests(); posts < 40 || posts > 100 {
			t.Errorf("%d requests with events in 10 min, want 40 to 100", posts)
		}
		m.Set(platforms.Reply{}, platforms.Reply{})
		for range 2 {
			time.Sleep(time.Minute)
			serve(t.Context(), h, "last")
			synctest.Wait()
		}
		m.CheckCounts(client.Stats().Events, requests+2)
		if m.Arrived() < requests+1 {
			t.Errorf("%d of %d events arrived", m.Arrived(), requests+2)
		}
	})
}
