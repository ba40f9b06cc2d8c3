package ffc_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// memory is a platform in memory and its clients.
type memory struct {
	*platforms.Memory
	t testing.TB
}

func newMemory(t testing.TB, items ...ffctest.Item) *memory {
	return &memory{Memory: platforms.NewMemory(t, items...), t: t}
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
func polledOn(t testing.TB, p ffctest.Platform, configure func(*ffc.Config), items ...ffctest.Item) (*ffctest.Server, *ffc.Client) {
	t.Helper()
	return connectedTo(t, p, func(c *ffc.Config) {
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
