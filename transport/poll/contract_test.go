package poll_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/transporttest"
)

// TestContract checks the contract of package transport in each mode of the
// transport, with default timeouts.
func TestContract(t *testing.T) {
	t.Parallel()
	modes := []struct {
		name      string
		platform  string
		transport poll.Transport
		etags     bool
	}{
		{"on demand, classic", "classic", poll.Transport{}, true},
		{"on demand, FeatBit", "featbit", poll.Transport{}, false},
		{"at an interval, classic", "classic", poll.Transport{Interval: time.Minute}, false},
		{"at an interval, FeatBit", "featbit", poll.Transport{Interval: time.Minute}, true},
		{"on demand, from a cache", "classic", poll.Transport{URL: baseURL + "/snapshot.json"}, true},
	}
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			transporttest.RunSynctest(t, func(testing.TB) transporttest.Source {
				server := &contractServer{etags: mode.etags}
				return transporttest.Source{
					Transport: &mode.transport,
					Env:       transport.Env{Platform: mode.platform, BaseURL: baseURL, HTTPClient: &http.Client{Transport: server}},
					Publish:   func(message []byte) { server.set(func() { server.message = message }) },
					Fail: func() func() {
						server.set(func() { server.down = true })
						return func() { server.set(func() { server.down = false }) }
					},
					Stall:  server.stall,
					Reject: server.rejects(mode.transport.URL == ""),
				}
			})
		})
	}
}

// contractServer serves messages without sockets.
type contractServer struct {
	etags bool

	mu       sync.Mutex
	message  []byte
	down     bool
	rejected bool
	asked    chan struct{}
	resumed  chan struct{} // nil if requests do not wait
}

func (s *contractServer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *contractServer) stall() (asked <-chan struct{}, resume func()) {
	requests, resumed := make(chan struct{}, 100), make(chan struct{})
	s.set(func() { s.asked, s.resumed = requests, resumed })
	return requests, func() {
		s.set(func() { s.resumed = nil })
		close(resumed)
	}
}

// rejects returns the function that rejects the secret. A cache does not.
func (s *contractServer) rejects(can bool) func() {
	if !can {
		return nil
	}
	return func() { s.set(func() { s.rejected = true }) }
}

// RoundTrip implements http.RoundTripper.
func (s *contractServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	asked, resumed := s.asked, s.resumed
	s.mu.Unlock()
	if resumed != nil {
		asked <- struct{}{}
		select {
		case <-resumed:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	date := "Date: " + time.Now().UTC().Format(http.TimeFormat)
	etag := fmt.Sprintf("%q", fmt.Sprint(crc32.ChecksumIEEE(s.message)))
	switch {
	case s.down:
		return nil, errors.New("connection refused")
	case s.rejected:
		return with(http.StatusUnauthorized, "", date)(r)
	case s.etags && r.Header.Get("If-None-Match") == etag:
		return with(http.StatusNotModified, "", date)(r)
	case s.etags:
		return with(http.StatusOK, string(s.message), date, "ETag: "+etag)(r)
	}
	return with(http.StatusOK, string(s.message), date)(r)
}
