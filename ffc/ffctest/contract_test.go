package ffctest_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

// TestServerContract: a server keeps what relays keep as well.
func TestServerContract(t *testing.T) {
	servertest.Run(t, func(t *testing.T, p ffctest.Platform, items ...ffctest.Item) *servertest.Server {
		return servertest.Of(platforms.NewServer(t, p, items...))
	})
}
