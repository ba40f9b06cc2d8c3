package ffc_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// TestMiddlewareKeepsConnections: refreshes and deliveries of requests that come
// one after the other share connections.
func TestMiddlewareKeepsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		platform, err := ffctest.NewHandler(ffctest.HandlerConfig{Data: ffctest.Snapshot(ffctest.Flag("a"))})
		if err != nil {
			t.Fatal(err)
		}
		defer platform.Close()
		network, server := testkit.NewListener(), &http.Server{Handler: platform}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(network) })
		defer serving.Wait()
		defer server.Close()
		var dialled atomic.Int64
		connections := &http.Transport{DialContext: func(ctx context.Context, name, address string) (net.Conn, error) {
			dialled.Add(1)
			return network.Dial(ctx, name, address)
		}}
		client, err := ffc.New(t.Context(), ffc.Config{
			EnvSecret: platform.EnvSecret, BaseURL: "http://platform.test", Transport: &poll.Transport{MaxAge: 1},
			Events: flush.Config{Requests: 1}, HTTPClient: &http.Client{Transport: connections}, Logger: testkit.Quiet(),
		})
		if err != nil {
			t.Fatal(err)
		}
		h := client.MiddlewareWith(ffc.MiddlewareConfig{FlushEvents: 1}, evaluating(client))
		for range 10 {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?u", nil))
			synctest.Wait() // net/http keeps a connection only after its response has been read
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
	})
}
