// Package events_test measures what events cost.
package events_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	events = 10_000
	users  = 1_000
)

// silent is a transport that has nothing to say.
type silent struct{}

func (silent) Open(transport.Env) (transport.Session, error) { return silent{}, nil }

func (silent) Stats() transport.Stats { return transport.Stats{} }

func (silent) Run(ctx context.Context) { <-ctx.Done() }

// client returns a client that sends events when it is told to.
func client(tb testing.TB, url string, through http.RoundTripper) *ffc.Client {
	tb.Helper()
	c, err := ffc.New(context.Background(), ffc.Config{
		EnvSecret:  fixture.EnvSecret,
		BaseURL:    url,
		Transport:  silent{},
		StartWait:  -1,
		Bootstrap:  snapshot(tb),
		HTTPClient: &http.Client{Transport: through},
		Logger:     slog.New(slog.DiscardHandler),
		Events:     flush.Config{Interval: -1, Capacity: events},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func snapshot(tb testing.TB) []byte {
	tb.Helper()
	b, err := fixture.Classic(&fixture.Dataset{Flags: []fixture.Flag{{Key: "checkout", Fallthrough: fixture.Serve{Value: true}}}})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func people() []ffc.User {
	all := make([]ffc.User, users)
	for i := range all {
		all[i] = ffc.NewUser(fmt.Sprintf("visitor-%05d", i), ffc.Name("Ann Example"), ffc.Email("ann@corp.example.com"), ffc.Country("NZ"),
			ffc.String("plan", "pro"), ffc.Int("age", 34))
	}
	return all
}

// record fills the queue.
func record(c *ffc.Client, people []ffc.User) {
	for i := range events {
		c.BoolVariation(context.Background(), "checkout", people[i%len(people)], false)
	}
}

// nowhere takes every request at once and counts the bytes.
type nowhere struct{ bytes atomic.Int64 }

func (n *nowhere) RoundTrip(r *http.Request) (*http.Response, error) {
	read, _ := io.Copy(io.Discard, r.Body)
	n.bytes.Add(read)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
}
