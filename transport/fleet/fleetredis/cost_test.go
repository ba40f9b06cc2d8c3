//go:build !race

package fleetredis_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// A refresh with nothing new takes one round trip, 1 KiB and 25 allocations.
func TestCostOfARefreshWithNothingNew(t *testing.T) {
	s := start(t)
	p := testkit.NewProxy(t, s.port.Address)
	b := s.open(func(c *fleetredis.Config) { c.Addresses = []string{p.Address} })
	fleetkit.CheckRefreshCost(t, b, p, 25)
}

// A cold read takes five round trips at most: TCP, TLS, the greeting and the read,
// where TCP's is before the first byte.
func TestRoundTripsOfAColdReadOverTLS(t *testing.T) {
	t.Parallel()
	s, trust := startTLS(t)
	s.command("ACL", "SETUSER", "reader", "on", ">PASSWORD", "~{ffc:*", "+get")
	s.command("SET", "{ffc:env}/head", "head")
	p := testkit.NewProxy(t, s.port.Address)
	b := s.open(as("reader", "PASSWORD", trust), func(c *fleetredis.Config) { c.Addresses = []string{p.Address} })
	if _, _, err := b.Get(testkit.Within(t), "env/head"); err != nil {
		t.Fatal(err)
	}
	if got := p.Turns.Load(); got > 4 {
		t.Errorf("%d round trips after that of TCP, want at most 4", got)
	}
}

func BenchmarkRefreshWithNothingNew(b *testing.B) {
	client := fleetkit.Refreshing(b, start(b).open())
	b.ReportAllocs()
	for b.Loop() {
		if err := client.Refresh(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
