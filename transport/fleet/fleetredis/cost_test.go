//go:build !race

package fleetredis_test

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// proxy counts what passes between clients and a server.
type proxy struct {
	address string
	bytes   atomic.Int64 // in both directions
	turns   atomic.Int64 // of writes by the client after the server has written
}

func newProxy(t testing.TB, server string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	p := &proxy{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			var clients atomic.Bool // whether the client wrote last
			go p.pass(upstream, client, func() {
				if !clients.Swap(true) {
					p.turns.Add(1)
				}
			})
			go p.pass(client, upstream, func() { clients.Store(false) })
		}
	}()
	return p
}

// pass copies bytes, and calls before for each read.
func (p *proxy) pass(to, from net.Conn, before func()) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			before()
			p.bytes.Add(int64(n))
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// A refresh with nothing new takes one round trip, 1 KiB and 25 allocations.
func TestCostOfARefreshWithNothingNew(t *testing.T) {
	s := start(t)
	p := newProxy(t, s.port.Address)
	b := s.open(func(c *fleetredis.Config) { c.Addresses = []string{p.address} })
	client := fleetkit.Refreshing(t, b)
	ctx := testkit.Within(t)
	refresh := func() {
		if err := client.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
	}
	refresh()
	turns, bytes := p.turns.Load(), p.bytes.Load()
	const refreshes = 100
	for range refreshes {
		refresh()
	}
	if got := p.turns.Load() - turns; got != refreshes {
		t.Errorf("%d round trips for %d refreshes", got, refreshes)
	}
	perRefresh := (p.bytes.Load() - bytes) / refreshes
	if perRefresh > 1<<10 || perRefresh < 100 {
		t.Errorf("%d bytes for each refresh, want at most 1024", perRefresh)
	}
	allocations := testing.AllocsPerRun(500, refresh)
	t.Logf("%d bytes, %.0f allocations, those of the proxy included", perRefresh, allocations)
	if allocations > 25 {
		t.Errorf("%.0f allocations for each refresh, want at most 25", allocations)
	}
}

// A cold read takes five round trips at most: TCP, TLS, the greeting and the read,
// where TCP's is before the first byte.
func TestRoundTripsOfAColdReadOverTLS(t *testing.T) {
	t.Parallel()
	s, trust := startTLS(t)
	s.command("ACL", "SETUSER", "reader", "on", ">PASSWORD", "~{ffc:*", "+get")
	s.command("SET", "{ffc:env}/head", "head")
	p := newProxy(t, s.port.Address)
	b := s.open(as("reader", "PASSWORD", trust), func(c *fleetredis.Config) { c.Addresses = []string{p.address} })
	if _, _, err := b.Get(testkit.Within(t), "env/head"); err != nil {
		t.Fatal(err)
	}
	if got := p.turns.Load(); got > 4 {
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
