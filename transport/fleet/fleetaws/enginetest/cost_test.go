//go:build !race

package enginetest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// wire is between a client and a server. It counts bytes and connections.
type wire struct {
	bytes, opened atomic.Int64

	mu      sync.Mutex
	read    []byte // since the client wrote last
	replays string // the address of a server that is used from now on
}

// client returns a client on the wire.
func (w *wire) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		if w.replays != "" {
			address = w.replays
		}
		w.mu.Unlock()
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		w.opened.Add(1)
		return counted{conn, w}, err
	}}}
}

// counted is a connection whose bytes are counted.
type counted struct {
	net.Conn
	wire *wire
}

// Read implements net.Conn.
func (c counted) Read(p []byte) (n int, err error) {
	n, err = c.Conn.Read(p)
	c.wire.bytes.Add(int64(n))
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.wire.read = append(c.wire.read, p[:n]...)
	return n, err
}

// Write implements net.Conn.
func (c counted) Write(p []byte) (n int, err error) {
	c.wire.mu.Lock()
	c.wire.read = c.wire.read[:0]
	c.wire.mu.Unlock()
	n, err = c.Conn.Write(p)
	c.wire.bytes.Add(int64(n))
	return n, err
}

// replay starts a server that responds to each request what was read last. It does
// not allocate, so that the allocations are those of the client.
func (w *wire) replay(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	w.mu.Lock()
	defer w.mu.Unlock()
	response := bytes.Clone(w.read)
	w.replays = listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go respond(conn, response)
		}
	}()
}

// respond responds to each request, which is one packet.
func respond(conn net.Conn, response []byte) {
	defer conn.Close()
	request := make([]byte, 8<<10)
	for {
		n, err := conn.Read(request)
		if err != nil {
			return
		}
		_, rest, whole := bytes.Cut(request[:n], []byte("\r\n\r\n"))
		if _, err := conn.Write(response); err != nil || !whole || len(rest) > 0 && rest[0] != '{' {
			return
		}
	}
}

// engines are backends whose idle connections can be closed.
var engines = map[string]func(t testing.TB, w *wire) (b fleet.Backend, closeIdle func()){
	"S3": func(t testing.TB, w *wire) (fleet.Backend, func()) {
		b := newS3(t, startS3(t), w.client())
		return b, b.CloseIdleConnections
	},
	"DynamoDB": func(t testing.TB, w *wire) (fleet.Backend, func()) {
		b := newDynamoDB(t, startDynamoDB(t), true, w.client())
		return b, b.CloseIdleConnections
	},
}

// refreshing returns a client on an engine whose responses are replayed.
func refreshing(t testing.TB, engine string, w *wire) *ffc.Client {
	t.Helper()
	b, closeIdle := engines[engine](t, w)
	client := fleetkit.Refreshing(t, b)
	refresh(t, client)
	w.replay(t)
	closeIdle()
	refresh(t, client)
	return client
}

func refresh(t testing.TB, client *ffc.Client) {
	t.Helper()
	if err := client.Refresh(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
}

// A refresh with nothing new takes one request over a connection that stays open,
// 2 KiB, and 120 allocations with S3. A session token adds its length.
func TestCostOfARefreshWithNothingNew(t *testing.T) {
	const maxBytes, refreshes = 2 << 10, 100
	for engine, maxAllocations := range map[string]float64{"S3": 120, "DynamoDB": 132} {
		t.Run(engine, func(t *testing.T) {
			w := new(wire)
			client := refreshing(t, engine, w)
			ctx := testkit.Within(t)
			bytes, opened := w.bytes.Load(), w.opened.Load()
			allocations := testing.AllocsPerRun(refreshes, func() {
				if err := client.Refresh(ctx); err != nil {
					t.Fatal(err)
				}
			})
			perRefresh := (w.bytes.Load() - bytes) / (refreshes + 1)
			t.Logf("%d bytes, %.0f allocations", perRefresh, allocations)
			if perRefresh > maxBytes || perRefresh < 500 {
				t.Errorf("%d bytes for each refresh, want at most %d", perRefresh, maxBytes)
			}
			if allocations > maxAllocations {
				t.Errorf("%.0f allocations for each refresh, want at most %.0f", allocations, maxAllocations)
			}
			if n := w.opened.Load() - opened; n != 0 {
				t.Errorf("%d connections for %d refreshes", n, refreshes)
			}
		})
	}
}

func BenchmarkRefreshWithNothingNew(b *testing.B) {
	for engine := range engines {
		b.Run(engine, func(b *testing.B) {
			client := refreshing(b, engine, new(wire))
			b.ReportAllocs()
			for b.Loop() {
				if err := client.Refresh(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
