//go:build !race

package enginetest_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
)

// A refresh with nothing new takes one round trip, 1 KiB and 120 allocations, those of
// the proxy and of the server included.
func TestCostOfARefreshWithNothingNew(t *testing.T) {
	e := start(t)
	p := testkit.NewProxy(t, e.port.Address)
	fleetkit.CheckRefreshCost(t, e.open(via(p), directly), p, 120)
}
