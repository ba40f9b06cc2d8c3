package ffc_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// lasting is evaluating for requests that last.
func lasting(client *ffc.Client, d time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		evaluating(client).ServeHTTP(w, r)
		time.Sleep(d)
	})
}

// TestMiddlewareDeliversAfterTheLast: requests that overlap make one delivery,
// and only the last of them waits for it.
func TestMiddlewareDeliversAfterTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		m.set(reply{}, reply{after: 100 * time.Millisecond})
		h := client.Middleware(lasting(client, time.Second))
		time.Sleep(time.Minute) // that long ago is no reason to hurry
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				want := time.Second
				if i == 49 {
					want += 100 * time.Millisecond
				}
				if _, took := serve(t.Context(), h, fmt.Sprint(i)); took != want {
					t.Errorf("request %d took %v, want %v", i, took, want)
				}
			})
		}
		wg.Wait()
		if _, posts := m.seen(); posts != 1 {
			t.Errorf("%d deliveries, want 1", posts)
		}
		m.checkBooks(client, 50)
		if m.arrived() != 50 {
			t.Errorf("%d events arrived, want 50", m.arrived())
		}
	})
}

// TestMiddlewareDeliversUnderLoad: while some request is always under way one
// of them delivers, when it is time or the queue is half full.
func TestMiddlewareDeliversUnderLoad(t *testing.T) {
	tests := []struct {
		name     string
		capacity int
		post     reply
		from, to int // deliveries before the last request
		held     int // requests that waited
	}{
		{name: "every 3 s", from: 9, to: 9, held: 9, post: reply{after: 50 * time.Millisecond}},
		// 300 requests, two at a time. What is delivered counts until it has
		// arrived.
		{name: "half full", capacity: 20, from: 26, to: 30, held: 30, post: reply{after: 50 * time.Millisecond}},
		{name: "endpoint silent", from: 3, to: 5, held: 5, post: reply{hang: true}},
		{name: "endpoint dead", from: 12, to: 21, held: 7, post: reply{err: errDown}}, // with retries
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t, ffctest.Flag("a"))
				client := m.client(func(c *ffc.Config, _ *poll.Transport) { c.Events.Capacity, c.Events.Requests = test.capacity, 1 })
				m.set(reply{}, test.post)
				const lasts = 199 * time.Millisecond
				h := client.Middleware(lasting(client, lasts))
				held, posts := 0, 0
				var mu sync.Mutex
				var wg sync.WaitGroup
				for i := range 300 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 100 * time.Millisecond)
						_, took := serve(t.Context(), h, fmt.Sprint(i))
						mu.Lock()
						defer mu.Unlock()
						if took > lasts && i < 299 {
							held++
						}
						if took > lasts+2*time.Second {
							t.Errorf("request %d took %v", i, took)
						}
						if i == 298 {
							_, posts = m.seen()
						}
					})
				}
				wg.Wait()
				if posts < test.from || posts > test.to || held > test.held {
					t.Errorf("%d deliveries, for which %d requests waited; want %d to %d and at most %d", posts, held, test.from, test.to, test.held)
				}
				m.set(reply{}, reply{})
				time.Sleep(2 * time.Minute) // past any pause
				serve(t.Context(), h, "last")
				m.checkBooks(client, 301)
				if m.arrived() != 301 {
					t.Errorf("%d events arrived, want 301", m.arrived())
				}
			})
		})
	}
}

// TestMiddlewareSilentEndpoint: one request at a time waits for an endpoint
// that says nothing, for 2 s. Others that end meanwhile do not, nor do those in
// the pause after it, and an outage of seconds does not make for a pause of
// minutes.
func TestMiddlewareSilentEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		m.set(reply{}, reply{hang: true})
		h := client.Middleware(evaluating(client))
		held := make(chan time.Duration, 1)
		go func() {
			_, took := serve(t.Context(), h, "first")
			held <- took
		}()
		synctest.Wait()
		for i := range 20 {
			time.Sleep(50 * time.Millisecond)
			if _, took := serve(t.Context(), h, fmt.Sprint(i)); took != 0 {
				t.Errorf("request %d waited %v while another one delivered", i, took)
			}
		}
		if took := receive(t, "the first request", held); took != 2*time.Second {
			t.Errorf("the first request waited %v, want 2 s", took)
		}
		if _, took := serve(t.Context(), h, "paused"); took != 0 {
			t.Errorf("a request waited %v in the pause", took)
		}
		m.set(reply{}, reply{})
		time.Sleep(time.Second)
		serve(t.Context(), h, "after")
		m.checkBooks(client, 23)
		if m.arrived() != 23 {
			t.Errorf("%d events arrived a second after the outage, want 23", m.arrived())
		}
	})
}

// TestMiddlewareForgetsNoEvent: a request that ends while another one delivers
// does not wait, and its events leave right after.
func TestMiddlewareForgetsNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		m.set(reply{}, reply{after: 100 * time.Millisecond})
		h := client.Middleware(evaluating(client))
		var first time.Duration
		var wg sync.WaitGroup
		wg.Go(func() { _, first = serve(t.Context(), h, "first") })
		synctest.Wait()
		time.Sleep(50 * time.Millisecond)
		if _, took := serve(t.Context(), h, "second"); took != 0 {
			t.Errorf("the second request waited %v", took)
		}
		wg.Wait()
		if first != 200*time.Millisecond || m.arrived() != 2 {
			t.Errorf("the first request took %v and %d events arrived, want 200 ms and 2", first, m.arrived())
		}
		m.checkBooks(client, 2)
	})
}

// TestMiddlewareSlowEndpoint: an endpoint that is slow, not down, is no reason
// for a pause, nor is the time that a request has no more.
func TestMiddlewareSlowEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		m.set(reply{}, reply{after: 1500 * time.Millisecond})
		h := client.Middleware(evaluating(client))
		var wg sync.WaitGroup
		for i := range 2 { // the second while the first delivers
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				serve(t.Context(), h, fmt.Sprint(i))
			})
		}
		wg.Wait()
		if _, took := serve(t.Context(), h, "third"); took != 1500*time.Millisecond {
			t.Errorf("the third request took %v, want 1.5 s", took)
		}
		m.checkBooks(client, 3)
		if _, posts := m.seen(); m.arrived() != 3 || posts != 2 {
			t.Errorf("%d events arrived in %d deliveries, want 3 in 2", m.arrived(), posts)
		}
		if n := client.Stats().Events.Resent; n != 0 {
			t.Errorf("%d events were sent twice", n)
		}
	})
}

// TestMiddlewareOneByOne: requests that do not overlap deliver each.
func TestMiddlewareOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		h := client.Middleware(evaluating(client))
		for i := range 5 {
			w, _ := serve(t.Context(), h, fmt.Sprint(i))
			if w.Flushed {
				t.Error("a response of unknown length was flushed")
			}
			if _, posts := m.seen(); posts != i+1 || m.arrived() != i+1 {
				t.Errorf("after request %d: %d deliveries, %d events", i, posts, m.arrived())
			}
		}
		serve(t.Context(), client.Middleware(http.NotFoundHandler()), "x")
		if _, posts := m.seen(); posts != 5 {
			t.Error("a request without events made a delivery")
		}
	})
}

// TestMiddlewareDeliveryOutageTax: in an outage of ten minutes only a few of many
// requests wait, none of them longer than 2 s, and no event is lost.
func TestMiddlewareDeliveryOutageTax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		m.set(reply{}, reply{hang: true})
		h := client.Middleware(evaluating(client))
		waited, requests := 0, 0
		for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			requests++
			switch _, took := serve(t.Context(), h, fmt.Sprint(requests)); {
			case took > 2*time.Second:
				t.Fatalf("a request waited %v", took)
			case took > 0:
				waited++
			}
		}
		// Pauses of 1, 2, 4 .. 60 s, of which up to a half is random.
		if waited < 10 || waited > 28 {
			t.Errorf("%d requests waited, want 10 to 28", waited)
		}
		m.set(reply{}, reply{})
		time.Sleep(time.Minute)
		serve(t.Context(), h, "last")
		m.checkBooks(client, requests+1)
		if m.arrived() != requests+1 {
			t.Errorf("%d of %d events arrived", m.arrived(), requests+1)
		}
	})
}
