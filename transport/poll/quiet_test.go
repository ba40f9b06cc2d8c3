package poll_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// These tests count goroutines, so they are not parallel.

// counting is a platform that counts its connections.
type counting struct {
	*httptest.Server
	files
	open, opened atomic.Int64
}

func (c *counting) start(t *testing.T, start func(*httptest.Server)) {
	c.put(`"a"`, ffctest.Snapshot(ffctest.Flag("f")))
	c.Server = listen(t, func(s *httptest.Server) {
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				c.open.Add(1)
				c.opened.Add(1)
			case http.StateClosed:
				c.open.Add(-1)
			}
		}
		start(s)
	}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/public/sdk/latest-feature-flag":
			c.ServeHTTP(w, r)
		case "/api/public/track":
		default:
			w.WriteHeader(404)
		}
	})
}

// checkIdle checks that nothing of a client works, and that it has as many idle
// connections as it had requests at once.
func (c *counting) checkIdle(t *testing.T, when string, conns int64) {
	t.Helper()
	t.Log(when)
	testkit.WorkEnds(t)
	if open := c.open.Load(); open != conns {
		t.Errorf("%s: %d open connections, want %d", when, open, conns)
	}
}

// checkGone checks that there are no more goroutines than without a client, and
// no connection.
func (c *counting) checkGone(t *testing.T, goroutines int) {
	t.Helper()
	testkit.GoroutinesEnd(t, goroutines)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(5 * time.Second); c.open.Load() > 0; <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d open connections after Close, want none", c.open.Load())
		}
	}
}

// TestNothingRunsBetweenCalls: on demand nothing of a client works between
// calls, and all calls share one connection, which Close closes.
func TestNothingRunsBetweenCalls(t *testing.T) {
	var c counting
	c.start(t, (*httptest.Server).Start)
	before := runtime.NumGoroutine()
	client := newClient(t, c.URL, &poll.Transport{FirstRetry: 1, MaxRetry: 1}, nil)
	c.checkIdle(t, "after New", 1)
	for range 3 {
		refresh(t, client)
		c.checkIdle(t, "after Refresh", 1)
	}
	checkFlag(t, client, "f", "true")
	if err := client.Flush(testkit.Within(t)); err != nil {
		t.Errorf("Flush: %v", err)
	}
	c.checkIdle(t, "after Flush", 1)
	c.put("", []byte("junk"))
	if err := client.Refresh(testkit.Within(t)); err == nil {
		t.Error("Refresh: no error")
	}
	c.checkIdle(t, "after a failure", 1)
	if opened := c.opened.Load(); opened != 1 {
		t.Errorf("%d connections for 6 requests, want 1", opened)
	}
	if err := client.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	c.checkGone(t, before)
}

// TestNothingRunsWithoutPlatform: nor does a client that could not get data
// when it was made.
func TestNothingRunsWithoutPlatform(t *testing.T) {
	var c counting
	c.start(t, (*httptest.Server).Start)
	c.put("", []byte("junk"))
	client := newClient(t, c.URL, &poll.Transport{}, func(c *ffc.Config) { c.StartWait = 100 * time.Millisecond })
	c.checkIdle(t, "after New", 1)
	if client.Initialized() {
		t.Error("initialized")
	}
}

// TestNothingRunsWithHTTP2: connections of HTTP/2 are shared and closed alike.
func TestNothingRunsWithHTTP2(t *testing.T) {
	var c counting
	var versions sync.Map
	c.start(t, func(s *httptest.Server) {
		answer := s.Config.Handler
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			versions.Store(r.ProtoMajor, true)
			answer.ServeHTTP(w, r)
		})
		s.EnableHTTP2 = true
		s.StartTLS()
	})
	before := runtime.NumGoroutine()
	client := newClient(t, c.URL, &poll.Transport{FirstRetry: 1, MaxRetry: 1}, func(config *ffc.Config) { config.HTTPClient = c.Client() })
	for range 3 {
		refresh(t, client)
		c.checkIdle(t, "after Refresh", 1)
	}
	checkFlag(t, client, "f", "true")
	if err := client.Flush(testkit.Within(t)); err != nil {
		t.Errorf("Flush: %v", err)
	}
	if opened := c.opened.Load(); opened != 1 {
		t.Errorf("%d connections for 5 requests, want 1", opened)
	}
	if _, old := versions.Load(1); old {
		t.Error("HTTP/1 was spoken")
	}
	if err := client.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	c.checkGone(t, before)
}
