package ffc_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// TestMiddlewareRefreshTime: how long requests wait for data when the platform
// is as it is: first the one that finds old data, then one right after it.
func TestMiddlewareRefreshTime(t *testing.T) {
	tests := []struct {
		name        string
		platform    platforms.Reply
		deadline    time.Duration // of the requests; 0 is no deadline
		first, next time.Duration
		polls       int
		value       string // that the first gets
	}{
		{name: "fast", polls: 1, value: "new"},
		{name: "slow", platform: platforms.Reply{After: 300 * time.Millisecond}, first: 300 * time.Millisecond, polls: 1, value: "new"},
		{name: "slower than the budget", platform: platforms.Reply{After: 3 * time.Second}, first: 500 * time.Millisecond, polls: 1, value: "old"},
		{name: "slower than a quarter of the deadline", platform: platforms.Reply{After: 300 * time.Millisecond}, deadline: 400 * time.Millisecond,
			first: 100 * time.Millisecond, next: 100 * time.Millisecond, polls: 1, value: "old"},
		{name: "silent", platform: platforms.Reply{Hang: true}, first: 500 * time.Millisecond, polls: 1, value: "old"},
		{name: "silent, deadline over", platform: platforms.Reply{Hang: true}, deadline: -time.Second, polls: 1, value: "old"},
		// One retry after 50 ms.
		{name: "dead", platform: platforms.Reply{Err: platforms.ErrDown}, first: 50 * time.Millisecond, polls: 2, value: "old"},
		{name: "failing", platform: platforms.Reply{Status: 503}, first: 50 * time.Millisecond, polls: 2, value: "old"},
		{name: "refusing", platform: platforms.Reply{Status: 401}, polls: 1, value: "old"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t, ffctest.Flag("a").Variations("old", "x").Version(1))
				client := m.client(func(c *ffc.Config, _ *poll.Transport) { c.Events.Disabled = true })
				m.Put("", ffctest.Flag("a").Variations("new", "x").Version(2))
				m.Set(test.platform, platforms.Reply{})
				time.Sleep(time.Minute) // no data is fresh now
				before, _ := m.Requests()
				h := client.Middleware(evaluating(client))
				request := func() (value string, took time.Duration) {
					ctx := t.Context()
					if test.deadline != 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, test.deadline)
						defer cancel()
					}
					w, took := serve(ctx, h, "u")
					return w.Body.String(), took
				}
				if value, took := request(); took != test.first || value != test.value {
					t.Errorf("the first request got %q after %v, want %q after %v", value, took, test.value, test.first)
				}
				if _, took := request(); took != test.next {
					t.Errorf("the next request took %v, want %v", took, test.next)
				}
				synctest.Wait()
				if polls, _ := m.Requests(); polls-before != test.polls {
					t.Errorf("%d requests for data, want %d", polls-before, test.polls)
				}
			})
		})
	}
}

// TestMiddlewareOutageTax: in an outage of ten minutes only a few of many
// requests wait, and none of them longer than the budget.
func TestMiddlewareOutageTax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(func(c *ffc.Config, _ *poll.Transport) { c.Events.Disabled = true })
		m.Set(platforms.Reply{Hang: true}, platforms.Reply{})
		time.Sleep(time.Minute)
		h := client.Middleware(evaluating(client))
		waited := 0
		for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			switch _, took := serve(t.Context(), h, "u"); {
			case took > 500*time.Millisecond:
				t.Fatalf("a request waited %v", took)
			case took > 0:
				waited++
			}
		}
		// Pauses of 1, 2, 4 .. 60 s, of which up to a half is random, after
		// requests of 10 s.
		if waited < 10 || waited > 25 {
			t.Errorf("%d requests waited, want 10 to 25", waited)
		}
	})
}

// TestMiddlewareUsesLateData: an answer after the budget is there for the next
// request, which does not wait.
func TestMiddlewareUsesLateData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a").Variations("new", "x"))
		client := m.client(func(c *ffc.Config, _ *poll.Transport) { c.StartWait = -1 })
		m.Set(platforms.Reply{After: 2 * time.Second}, platforms.Reply{})
		h := client.Middleware(evaluating(client))
		if w, took := serve(t.Context(), h, "u"); w.Body.String() != "fallback" || took != 500*time.Millisecond {
			t.Errorf("got %q after %v", w.Body, took)
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if w, took := serve(t.Context(), h, "u"); w.Body.String() != "new" || took != 0 {
			t.Errorf("got %q after %v", w.Body, took)
		}
		if polls, _ := m.Requests(); polls != 1 {
			t.Errorf("%d requests for data, want 1", polls)
		}
	})
}

// TestMiddlewareCancelledRequest: a request whose client has gone still brings
// new data, and its events are delivered.
func TestMiddlewareCancelledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(func(c *ffc.Config, _ *poll.Transport) {
			c.StartWait = -1
			c.Bootstrap = ffctest.Snapshot(ffctest.Flag("a"))
		})
		m.Set(platforms.Reply{After: 100 * time.Millisecond}, platforms.Reply{After: 100 * time.Millisecond})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, took := serve(gone, client.Middleware(evaluating(client)), "u"); took != 0 {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Second)
		if s := client.Status(); s.State != ffc.StateOK {
			t.Errorf("got %+v", s)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		m.CheckCounts(client.Stats().Events, 1)
		if m.Arrived() != 1 {
			t.Errorf("%d events arrived, want 1", m.Arrived())
		}
	})
}
