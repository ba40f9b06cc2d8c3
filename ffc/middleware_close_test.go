package ffc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// TestMiddlewareLeavesNothing: no goroutine of the middleware runs between requests
// or after Close. The test counts goroutines, so it must not run in parallel.
func TestMiddlewareLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	m := newMemory(t, ffctest.Flag("a"))
	client := m.client(nil)
	h := client.Middleware(evaluating(client))
	for i := range 5 {
		if w, _ := serve(t.Context(), h, fmt.Sprint(i)); w.Body.String() != "true" {
			t.Errorf("got %q", w.Body)
		}
		testkit.GoroutinesEnd(t, before)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
	testkit.GoroutinesEnd(t, before)
}

// TestMiddlewareClosedMeanwhile: requests go on when the client is closed by
// several others, and events are delivered or counted.
func TestMiddlewareClosedMeanwhile(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testMiddlewareClosedMeanwhile)
}

func testMiddlewareClosedMeanwhile(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	platform, client := polledOn(t, p, func(c *ffc.Config) { c.Transport = &poll.Transport{MaxAge: time.Nanosecond} }, ffctest.Flag("a"))
	s, text := listen(t, client.Middleware(evaluating(client)), false)
	half := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				body, err := get(testkit.Within(t), s.Client(), fmt.Sprintf("%s/?u%d", s.URL, i))
				if err != nil || body != "true" && body != "fallback" {
					t.Errorf("got %q, %v", body, err)
				}
				if i == 0 && j == 25 {
					close(half)
				}
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			<-half
			if err := client.Close(testkit.Within(t)); err != nil && !errors.As(err, new(*flush.Error)) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	stats := client.Stats().Events
	if arrived := len(platform.Events()); stats.Queued != 0 || stats.Recorded != stats.Delivered+stats.Dropped.Closed || arrived < int(stats.Delivered) {
		t.Errorf("%d events arrived, and the books say %+v", arrived, stats)
	}
	if stats.Delivered == 0 {
		t.Error("nothing was delivered before Close")
	}
	s.Close()
	if logged := text.String(); logged != "" {
		t.Errorf("net/http logs %s", logged)
	}
}

// TestMiddlewareClosedDuringDelivery: Close returns within its time, also if an
// endpoint does not answer, and requests go on.
func TestMiddlewareClosedDuringDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		m.Set(platforms.Reply{}, platforms.Reply{Hang: true})
		h := client.Middleware(evaluating(client))
		for range 2 {
			serve(t.Context(), h, "u")
		}
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := client.Close(ctx); !errors.As(err, new(*flush.Error)) || time.Since(began) > 300*time.Millisecond {
			t.Errorf("Close returned %v after %v", err, time.Since(began))
		}
		if w, took := serve(t.Context(), h, "u"); w.Body.String() != "fallback" || took != 0 {
			t.Errorf("after Close: got %q after %v", w.Body, took)
		}
		m.CheckCounts(client.Stats().Events, 2)
	})
}

// TestMiddlewareCloseSendsAgain: a delivery whose connection died in a freeze
// does not take its events along when the client is closed.
func TestMiddlewareCloseSendsAgain(t *testing.T) {
	for _, deadline := range []time.Duration{0, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(t, ffctest.Flag("a"))
			client := m.client(nil)
			m.Set(platforms.Reply{}, platforms.Reply{Hang: true})
			h := client.Middleware(evaluating(client))
			for range 3 {
				serve(t.Context(), h, "u")
			}
			synctest.Wait()
			time.Sleep(time.Hour)
			m.Set(platforms.Reply{}, platforms.Reply{}) // for new connections
			ctx, cancel := context.WithCancel(t.Context())
			if deadline > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), deadline)
			}
			defer cancel()
			began := time.Now()
			if err := client.Close(ctx); err != nil || time.Since(began) > 2500*time.Millisecond {
				t.Errorf("Close returned %v after %v", err, time.Since(began))
			}
			m.CheckCounts(client.Stats().Events, 3)
			if m.Arrived() != 3 {
				t.Errorf("%d events arrived, want 3", m.Arrived())
			}
		})
	}
}

// TestFlushAfterMiddlewareDeliveryDied: a delivery whose connection died between
// requests does not block a Flush between requests.
func TestFlushAfterMiddlewareDeliveryDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(nil)
		m.Set(platforms.Reply{}, platforms.Reply{Hang: true})
		h := client.Middleware(evaluating(client))
		for range 3 {
			serve(t.Context(), h, "u")
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		m.Set(platforms.Reply{}, platforms.Reply{}) // for new connections
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := client.Flush(ctx); err != nil {
			t.Error(err)
		}
		m.CheckCounts(client.Stats().Events, 3)
		if err := client.Close(t.Context()); err != nil || m.Arrived() != 3 {
			t.Errorf("%d events arrived, want 3; Close returned %v", m.Arrived(), err)
		}
	})
}

// TestMiddlewareCloseReadsTheAnswer: what the endpoint accepted before a freeze
// is not sent again when the client is closed after the freeze.
func TestMiddlewareCloseReadsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &frozen{memory: newMemory(t, ffctest.Flag("a")), thawed: make(chan struct{})}
		f.thaw()
		client := f.client(func(c *ffc.Config, _ *poll.Transport) { c.HTTPClient = &http.Client{Transport: f} })
		f.Set(platforms.Reply{}, platforms.Reply{After: 150 * time.Millisecond})
		h := client.Middleware(evaluating(client))
		for range 2 {
			serve(t.Context(), h, "u")
		}
		time.Sleep(time.Millisecond)
		f.freeze()
		time.Sleep(time.Hour)
		f.thaw()
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		f.CheckCounts(client.Stats().Events, 2)
		if n := client.Stats().Events.Resent; n != 0 || f.Arrived() != 2 {
			t.Errorf("%d events arrived, %d sent again", f.Arrived(), n)
		}
	})
}

// TestMiddlewareClientPanics: a mistake in the application's HTTPClient is an
// outage like another: it costs no request and no event.
func TestMiddlewareClientPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, ffctest.Flag("a"))
		client := m.client(func(c *ffc.Config, p *poll.Transport) { p.MaxAge = time.Second })
		time.Sleep(2 * time.Second)
		m.Set(platforms.Reply{Panics: true}, platforms.Reply{Panics: true})
		h := client.Middleware(evaluating(client))
		for i := range 20 {
			w, _ := serve(t.Context(), h, fmt.Sprint(i))
			if w.Code != http.StatusOK || w.Body.String() != "true" {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
			time.Sleep(time.Second)
		}
		m.Set(platforms.Reply{}, platforms.Reply{})
		time.Sleep(time.Minute)
		serve(t.Context(), h, "last")
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
		m.CheckCounts(client.Stats().Events, 21)
		if m.Arrived() != 21 {
			t.Errorf("%d events arrived, want 21", m.Arrived())
		}
	})
}

// broken is a transport of an application.
type broken struct{ transport.Refresher }

func (b broken) Open(transport.Env) (transport.Session, error) { return b, nil }
func (broken) Load(context.Context) error                      { return nil }
func (broken) Refresh(context.Context) error                   { panic("the application's mistake") }
func (broken) Close()                                          {}

// TestMiddlewareTransportPanics: nor does one in its transport, which is logged
// once.
func TestMiddlewareTransportPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text testkit.Log
		client, err := ffc.New(t.Context(), ffc.Config{
			EnvSecret: ffctest.EnvSecret,
			Transport: broken{},
			Bootstrap: ffctest.Snapshot(ffctest.Flag("a")),
			Events:    flush.Config{Disabled: true},
			Logger:    slog.New(slog.NewTextHandler(&text, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(t.Context())
		h := client.Middleware(evaluating(client))
		for range 3 {
			if w, _ := serve(t.Context(), h, "u"); w.Code != http.StatusOK || w.Body.String() != "true" {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
		}
		synctest.Wait() // the log is written in the background
		if n := strings.Count(text.String(), "Config.Transport"); n != 1 {
			t.Errorf("the log tells %d times:\n%s", n, text.String())
		}
	})
}

// TestMiddlewareOffline: without a connection there is nothing to wait for.
func TestMiddlewareOffline(t *testing.T) {
	t.Parallel()
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("a"))})
	if err != nil {
		t.Fatal(err)
	}
	if w, _ := serve(t.Context(), client.Middleware(evaluating(client)), "u"); w.Body.String() != "true" {
		t.Errorf("got %q", w.Body)
	}
}
