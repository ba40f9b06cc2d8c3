package platforms

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// Memory is the classic platform as an http.RoundTripper, without sockets, for
// tests in a bubble. Its methods are safe for concurrent use.
type Memory struct {
	t testing.TB

	mu    sync.Mutex
	data  []byte // the body of responses to polls
	tag   string // its entity tag, if it has one
	poll  func(n int) Reply
	post  func(n int) Reply
	polls int
	posts int
	users map[string]int // the number of events that arrived, by user
	lost  bool           // a response to events was lost
}

// Reply says how the platform responds to a request. The zero value is status
// 200 at once.
type Reply struct {
	After  time.Duration // before anything else
	Status int
	Err    error // instead of a response
	Hang   bool  // until the client gives up
	Lost   bool  // the platform accepts the request, but the client gets ErrDown
	Panics bool  // as a mistake of the application's
}

// ErrDown is the error of a Reply with Lost, and of tests that need an error
// for Reply.Err.
var ErrDown = errors.New("the platform is down")

// Always returns a function that replies in the same way to each request.
func Always(r Reply) func(n int) Reply { return func(int) Reply { return r } }

// NewMemory returns a platform with these flags and segments.
func NewMemory(t testing.TB, items ...ffctest.Item) *Memory {
	return &Memory{
		t: t, data: ffctest.Snapshot(items...), poll: Always(Reply{}), post: Always(Reply{}), users: make(map[string]int),
	}
}

// Set changes how the platform responds to all requests for data and with events.
func (m *Memory) Set(poll, post Reply) { m.SetEach(Always(poll), Always(post)) }

// SetEach is Set with functions that return the reply by the number of such
// requests before.
func (m *Memory) SetEach(poll, post func(n int) Reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.poll, m.post = poll, post
}

// Put replaces the data. The entity tag may be empty.
func (m *Memory) Put(tag string, items ...ffctest.Item) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data, m.tag = ffctest.Snapshot(items...), tag
}

// Requests returns the number of requests for data and with events.
func (m *Memory) Requests() (polls, posts int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.polls, m.posts
}

// Arrived returns the number of events that arrived.
func (m *Memory) Arrived() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, events := range m.users {
		n += events
	}
	return n
}

// Users returns the number of users of whom events arrived.
func (m *Memory) Users() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.users)
}

// CheckCounts fails the test unless the counts of a client include every recorded
// event, and those that count as delivered arrived once each. Where responses
// were lost more may have arrived.
func (m *Memory) CheckCounts(s flush.Stats, recorded int) {
	m.t.Helper()
	if s.Recorded != uint64(recorded) || s.Recorded != s.Delivered+s.Queued+s.Dropped.Total() {
		m.t.Errorf("%d events were recorded, and the client counts %+v", recorded, s)
	}
	arrived, limit := uint64(m.Arrived()), s.Delivered
	m.mu.Lock()
	if m.lost {
		limit += s.Queued + s.Resent
	}
	m.mu.Unlock()
	if arrived < s.Delivered || arrived > limit {
		m.t.Errorf("%d events arrived, and the client counts %+v", arrived, s)
	}
}

// RoundTrip implements http.RoundTripper.
func (m *Memory) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	events := req.Method == http.MethodPost
	r, data, tag := m.receive(events)
	if err := r.wait(req.Context()); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	switch {
	case r.Status != 0:
		w.WriteHeader(r.Status)
	case events:
		m.accept(body, r.Lost)
	case tag != "" && req.Header.Get("If-None-Match") == tag:
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("ETag", tag)
		_, _ = w.Write(data)
	}
	if r.Lost {
		return nil, ErrDown
	}
	return w.Result(), nil
}

// receive notes a request and returns how to respond to it.
func (m *Memory) receive(events bool) (r Reply, data []byte, tag string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, reply := &m.polls, m.poll
	if events {
		n, reply = &m.posts, m.post
	}
	*n++
	return reply(*n - 1), m.data, m.tag
}

// wait blocks before the response, and returns the error instead of one.
func (r Reply) wait(ctx context.Context) error {
	if r.Panics {
		panic("the application's mistake")
	}
	if r.Hang {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(r.After)
	defer timer.Stop()
	select {
	case <-timer.C:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// accept counts the events of a body.
func (m *Memory) accept(body []byte, lost bool) {
	var items []struct {
		User                                struct{ KeyID string }
		UserVariations, Variations, Metrics []struct{}
	}
	if err := json.Unmarshal(body, &items); err != nil {
		m.t.Errorf("a body with events: %v", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = m.lost || lost
	for _, item := range items {
		m.users[item.User.KeyID] += len(item.UserVariations) + len(item.Variations) + len(item.Metrics)
	}
}
