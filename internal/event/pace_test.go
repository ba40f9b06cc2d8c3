package event

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// serial is a platform that stores events one request after the other, and goes
// on when the client has hung up.
type serial struct {
	each     time.Duration // for an event
	turn     chan struct{} // holds one value while a request is stored
	underWay atomic.Int64
	most     atomic.Int64 // requests at once
	stored   atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (s *serial) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	n := s.underWay.Add(1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.turn <- struct{}{}
		defer func() { <-s.turn }()
		events := int64(strings.Count(string(body), `"featureFlagKeyName"`))
		time.Sleep(time.Duration(events) * s.each)
		s.stored.Add(events)
		s.underWay.Add(-1)
	}()
	select {
	case <-done:
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// TestSlowPlatformGetsFewRequestsAtOnce: more requests at once would make each of
// them so slow that it times out and its events are sent again.
func TestSlowPlatformGetsFewRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &serial{each: 4 * time.Millisecond, turn: make(chan struct{}, 1)}
		p := New(flush.Config{}, destination("http://platform.test", &http.Client{Transport: s}))
		for i := range 10_000 {
			record(p, user(fmt.Sprint("user-", i)), "flag")
		}
		checkError(t, p.Flush(t.Context()), nil)
		if got := p.Stats(); got.Delivered != 10_000 || got.Resent != 0 || s.stored.Load() != 10_000 {
			t.Errorf("%d events were stored; Stats: %+v", s.stored.Load(), got)
		}
		if most := s.most.Load(); most > slowAtOnce {
			t.Errorf("%d requests at once, want at most %d", most, slowAtOnce)
		}
	})
}

func TestQuickPlatformGetsAllRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &serial{each: time.Microsecond, turn: make(chan struct{}, 1)}
		p := New(flush.Config{BatchSize: 100}, destination("http://platform.test", &http.Client{Transport: s}))
		for i := range 10_000 {
			record(p, user(fmt.Sprint("user-", i)), "flag")
		}
		checkError(t, p.Flush(t.Context()), nil)
		if most := s.most.Load(); most != 4 {
			t.Errorf("%d requests at once, want 4", most)
		}
	})
}
