package ffc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// memory is a platform without sockets, for tests in which time is the subject.
type memory struct {
	t testing.TB

	mu    sync.Mutex
	data  []byte // the answer to polling; that of the last Put
	tag   string // its entity tag, if it has one
	poll  reply
	post  reply
	polls []time.Duration // since began
	posts []time.Duration
	began time.Time
	users map[string]int // who arrived in events, and how often
}

// reply is what becomes of requests of a kind. The zero value is 200 at once.
type reply struct {
	after  time.Duration
	status int
	err    error
	hang   bool // no answer as long as the client waits
	panics bool
}

func newMemory(t testing.TB, items ...ffctest.Item) *memory {
	return &memory{t: t, data: ffctest.Snapshot(items...), began: time.Now(), users: make(map[string]int)}
}

// client returns a client that polls this platform on demand. configure may be
// nil.
func (m *memory) client(configure func(*ffc.Config, *poll.Transport)) *ffc.Client {
	m.t.Helper()
	transport := &poll.Transport{}
	cfg := ffc.Config{
		EnvSecret:  ffctest.EnvSecret,
		BaseURL:    "http://platform.test",
		Transport:  transport,
		HTTPClient: &http.Client{Transport: m},
		Logger:     testkit.Quiet(),
	}
	if configure != nil {
		configure(&cfg, transport)
	}
	client, err := ffc.New(m.t.Context(), cfg)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { client.Close(context.Background()) })
	return client
}

// set changes what becomes of requests.
func (m *memory) set(poll, post reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.poll, m.post = poll, post
}

// put replaces the data.
func (m *memory) put(tag string, items ...ffctest.Item) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data, m.tag = ffctest.Snapshot(items...), tag
}

// seen returns how many requests for data and with events there were.
func (m *memory) seen() (polls, posts int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.polls), len(m.posts)
}

// arrived returns how many events arrived.
func (m *memory) arrived() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, times := range m.users {
		n += times
	}
	return n
}

// RoundTrip implements http.RoundTripper.
func (m *memory) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	m.mu.Lock()
	answer, data, tag := m.poll, m.data, m.tag
	if req.Method == http.MethodPost {
		m.posts = append(m.posts, time.Since(m.began))
		answer, data, tag = m.post, nil, ""
	} else {
		m.polls = append(m.polls, time.Since(m.began))
	}
	m.mu.Unlock()
	if err := answer.wait(req.Context()); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	switch {
	case answer.status != 0:
		recorder.WriteHeader(answer.status)
	case tag != "" && req.Header.Get("If-None-Match") == tag:
		recorder.WriteHeader(http.StatusNotModified)
	default:
		m.take(body)
		recorder.Header().Set("ETag", tag)
		_, _ = recorder.Write(data)
	}
	return recorder.Result(), nil
}

func (r reply) wait(ctx context.Context) error {
	if r.panics {
		panic("the application's mistake")
	}
	if r.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(r.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take counts events.
func (m *memory) take(body []byte) {
	if len(body) == 0 {
		return
	}
	var items []struct {
		User                                struct{ KeyID string }
		UserVariations, Variations, Metrics []struct{}
	}
	if err := json.Unmarshal(body, &items); err != nil {
		m.t.Errorf("a body with events: %v", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, item := range items {
		m.users[item.User.KeyID] += len(item.UserVariations) + len(item.Variations) + len(item.Metrics)
	}
}

// evaluating is a handler that evaluates a flag for the user that the query
// names, and answers the value.
func evaluating(client *ffc.Client) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, client.Variation(r.Context(), "a", ffc.NewUser(r.URL.RawQuery), "fallback"))
	})
}

// serve lets a handler serve one request in memory and returns the response and
// how long it took.
func serve(ctx context.Context, h http.Handler, user string) (*httptest.ResponseRecorder, time.Duration) {
	began := time.Now()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/?"+user, nil))
	return w, time.Since(began)
}

// checkBooks fails the test unless every event is accounted for and those that
// count as delivered arrived once each.
func (m *memory) checkBooks(client *ffc.Client, recorded int) {
	m.t.Helper()
	s := client.Stats().Events
	if s.Recorded != uint64(recorded) || s.Recorded != s.Delivered+s.Queued+s.Dropped.Total() {
		m.t.Errorf("recorded %d events, and the books say %+v", recorded, s)
	}
	if n := m.arrived(); n != int(s.Delivered) {
		m.t.Errorf("%d events arrived, and the books say %+v", n, s)
	}
}

var errDown = errors.New("the platform is down")

// receive takes a value from a channel, or fails the test when none comes.
func receive[T any](t testing.TB, what string, c <-chan T) (value T) {
	t.Helper()
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	select {
	case value = <-c:
	case <-timeout.C:
		t.Fatalf("not in time: %s", what)
	}
	return value
}

// polled returns a platform on loopback with these flags and a client that polls
// it on demand. configure may be nil.
func polled(t testing.TB, configure func(*ffc.Config), items ...ffctest.Item) (*ffctest.Server, *ffc.Client) {
	t.Helper()
	return polledOn(t, ffctest.Classic, configure, items...)
}

// polledOn is polled for either platform.
func polledOn(t testing.TB, g ffctest.Platform, configure func(*ffc.Config), items ...ffctest.Item) (*ffctest.Server, *ffc.Client) {
	t.Helper()
	return connectedTo(t, g, func(c *ffc.Config) {
		c.Transport = &poll.Transport{}
		if configure != nil {
			configure(c)
		}
	}, items...)
}

// listen serves a handler on loopback. What net/http logs goes to the returned
// text.
func listen(t testing.TB, h http.Handler, http2 bool) (*httptest.Server, *testkit.Log) {
	t.Helper()
	text := new(testkit.Log)
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(text, "", 0)
	s.EnableHTTP2 = http2
	if http2 {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, text
}

// get makes a request and returns the body, or the error.
func get(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
