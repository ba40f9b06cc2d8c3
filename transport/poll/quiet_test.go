package poll_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/leak"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
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

// check checks that there are no more goroutines than without a client, and no
// connection.
func (c *counting) check(t *testing.T, goroutines int, when string) {
	t.Helper()
	t.Log(when)
	leak.Goroutines(t, goroutines)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(5 * time.Second); c.open.Load() > 0; <-ticker.C {
		if time.Now().After(deadline) {
			t.Errorf("%s: %d open connections, want none", when, c.open.Load())
			break
		}
	}
}

// On demand a client has nothing that runs between calls, and no connection.
func TestNothingRunsBetweenCalls(t *testing.T) {
	var c counting
	c.start(t, (*httptest.Server).Start)
	before := runtime.NumGoroutine()
	client := newClient(t, c.URL, &poll.Transport{FirstRetry: 1, MaxRetry: 1}, nil)
	c.check(t, before, "after New")
	for range 3 {
		refresh(t, client)
		c.check(t, before, "after Refresh")
	}
	if c.opened.Load() < 4 {
		t.Errorf("%d connections in all: what was tested?", c.opened.Load())
	}
	checkFlag(t, client, "f", "true")
	if err := client.Flush(within(t)); err != nil {
		t.Errorf("Flush: %v", err)
	}
	c.check(t, before, "after Flush")
	c.put("", []byte("junk"))
	if err := client.Refresh(within(t)); err == nil {
		t.Error("Refresh: no error")
	}
	c.check(t, before, "after a failure")
	if err := client.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	c.check(t, before, "after Close")
}

// Nor does one that could not get data when it was made.
func TestNothingRunsWithoutPlatform(t *testing.T) {
	var c counting
	c.start(t, (*httptest.Server).Start)
	c.put("", []byte("junk"))
	before := runtime.NumGoroutine()
	client := newClient(t, c.URL, &poll.Transport{}, func(c *ffc.Config) { c.StartWait = 100 * time.Millisecond })
	c.check(t, before, "after New")
	if client.Initialized() {
		t.Error("initialized")
	}
}

// HTTP/2 connections are let go of as well.
func TestNothingRunsWithHTTP2(t *testing.T) {
	var c counting
	c.start(t, func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.StartTLS()
	})
	rt := c.Client().Transport.(*http.Transport).Clone()
	before := runtime.NumGoroutine()
	var protocols []int
	recorder := roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := rt.RoundTrip(r)
		if err == nil {
			protocols = append(protocols, resp.ProtoMajor)
		}
		return resp, err
	})
	store := &store{}
	opened, err := (&poll.Transport{MaxAge: 1, Budget: budget}).Open(transport.Env{
		EnvSecret: secret, Platform: "classic", BaseURL: c.URL,
		HTTPClient: &http.Client{Transport: recorder}, Store: store, Rest: rt.CloseIdleConnections,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := opened.(transport.Refresher).Refresh(within(t)); err != nil {
			t.Fatal(err)
		}
		c.check(t, before, "after Refresh")
	}
	opened.(transport.Refresher).Close()
	for _, major := range protocols {
		if major != 2 {
			t.Fatalf("HTTP/%d was spoken", major)
		}
	}
	if told := store.told(); len(told) != 10 || told[0].what != "applied" || told[9].what != "confirmed" {
		t.Errorf("the store was told %v", told)
	}
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
