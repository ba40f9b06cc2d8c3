package lambda_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// TestOneConnection: all refreshes and deliveries of a function share one
// connection.
func TestOneConnection(t *testing.T) { platforms.Each(t, testOneConnection) }

func testOneConnection(t *testing.T, p ffctest.Platform) {
	var dialled atomic.Int64
	e := newEnvironmentOn(t, p, func(c *ffc.Config) {
		c.Transport = &poll.Transport{MaxAge: 1}
		c.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		}}}
	})
	e.runtime.Start(func() { lambda.Start(e.client, e.handler) })
	for range 10 {
		if inv := e.invoke(`"ann"`); inv.Err != nil || string(inv.Response) != `"on"` {
			t.Fatalf("response %s, error %v", inv.Response, inv.Err)
		}
	}
	e.checkBooks(10)
	if n := dialled.Load(); n != 1 {
		t.Errorf("%d connections for 10 invocations, want 1", n)
	}
}
