package relay_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

// TestServerContract: a relay passes the tests of the server of ffctest.
func TestServerContract(t *testing.T) {
	t.Parallel()
	servertest.Run(t, func(t *testing.T, p ffctest.Platform, items ...ffctest.Item) *servertest.Server {
		r := newRelayed(t, p, func(r *relayed) { r.handler.Events = new(shelf) }, items...)
		return &servertest.Server{
			URL: r.url, Secret: r.key, Put: r.platform.Put, Archive: r.platform.Archive,
			Events: func() int { return int(r.handler.Stats().EventsAccepted) },
		}
	})
}
