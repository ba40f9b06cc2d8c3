package ffc_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// TestMiddlewareKeepsConnections: refreshes and deliveries of requests that come
// one after the other share a connection, and between requests nothing works.
func TestMiddlewareKeepsConnections(t *testing.T) {
	var dialled atomic.Int64
	_, client := polled(t, func(c *ffc.Config) {
		c.Transport = &poll.Transport{MaxAge: 1}
		c.Events = flush.Config{Requests: 1}
		c.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		}}}
	}, ffctest.Flag("a"))
	h := client.MiddlewareWith(ffc.MiddlewareConfig{FlushEvents: 1}, evaluating(client))
	for range 10 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?user=u", nil))
	}
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
	// A delivery and a refresh may be under way at once.
	if n := dialled.Load(); n < 1 || n > 2 {
		t.Errorf("%d connections for 10 requests, want at most 2", n)
	}
	if stats := client.Stats().Events; stats.Delivered != 10 {
		t.Errorf("%+v", stats)
	}
}
