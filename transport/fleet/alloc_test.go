//go:build !race

package fleet_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// alwaysOld is a client that reads the head with each refresh.
func alwaysOld(tb testing.TB) *ffc.Client {
	tb.Helper()
	m := new(fleettest.Memory)
	write(tb, m, headOf("a", 1, 1, nil), data("on", 1), 0)
	client, err := ffc.New(tb.Context(), ffc.Config{
		Platform:  ffc.PlatformFeatBit,
		Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{m}, MaxAge: time.Nanosecond},
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close(context.Background()) })
	if !client.Initialized() {
		tb.Fatalf("status %+v", client.Status())
	}
	return client
}

func BenchmarkRefreshWithNothingNew(b *testing.B) {
	client := alwaysOld(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := client.Refresh(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// A refresh with nothing new costs a head, however much data there is. The engine
// in memory allocates the value and its tag.
func TestRefreshAllocations(t *testing.T) {
	client := alwaysOld(t)
	ctx := t.Context()
	if n := testing.AllocsPerRun(200, func() { _ = client.Refresh(ctx) }); n > 22 {
		t.Errorf("%v allocations, want at most 22", n)
	}
}

// canned starts a server that responds with a head to whatever comes, without
// allocating, and counts the bytes in both directions.
func canned(t *testing.T, head []byte) (url string, wire *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	response := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Type: application/octet-stream\r\n"+
		"Content-Length: %d\r\nCache-Control: max-age=1\r\nETag: \"0123456789abcdef\"\r\n\r\n%s", len(head), head)
	wire = new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request := make([]byte, 16<<10)
				for length := 0; ; {
					n, err := conn.Read(request[length:])
					if err != nil {
						return
					}
					if length += n; !bytes.HasSuffix(request[:length], []byte("\r\n\r\n")) {
						continue
					}
					wire.Add(int64(length + len(response)))
					length = 0
					if _, err := conn.Write(response); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String(), wire
}

// Over HTTP a refresh with nothing new takes at most 2 KiB on the wire, and 120
// allocations.
func TestCostOfARefreshOverHTTP(t *testing.T) {
	m := new(fleettest.Memory)
	write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
	head, _, err := m.Get(t.Context(), fleetdata.Name(environment, fleetdata.HeadObject))
	if err != nil {
		t.Fatal(err)
	}
	url, wire := canned(t, head)
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	r := newReader(t, func(tr *fleet.Transport) { tr.MaxAge = 1 }, fleet.Split{Heads: fleet.HTTP{URL: url, Client: client}, Bodies: m})
	defer r.close()
	refreshes, before := int64(0), wire.Load()
	allocations := testing.AllocsPerRun(200, func() {
		refreshes++
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	each := (wire.Load() - before) / refreshes
	t.Logf("%d bytes, %v allocations", each, allocations)
	if each > 2<<10 || each < 200 {
		t.Errorf("%d bytes for each refresh, want at most 2048", each)
	}
	if allocations > 120 {
		t.Errorf("%v allocations, want at most 120", allocations)
	}
}
