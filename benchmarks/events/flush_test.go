package events_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// BenchmarkFlush delivers a full queue to a server on loopback.
func BenchmarkFlush(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	flushes(b, client(b, server.URL, server.Client().Transport))
}

// BenchmarkFlushNowhere is BenchmarkFlush without the network: taking the
// events out of the queue, and encoding them. Bytes are of bodies.
func BenchmarkFlushNowhere(b *testing.B) {
	var to nowhere
	c := client(b, "http://127.0.0.1:1", &to)
	record(c, people())
	if err := c.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(to.bytes.Load())
	flushes(b, c)
}

func flushes(b *testing.B, c *ffc.Client) {
	all := people()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		record(c, all)
		b.StartTimer()
		if err := c.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if stats := c.Stats().Events; stats.Dropped.Total() > 0 {
		b.Errorf("events were lost: %+v", stats)
	}
}

// BenchmarkQueueMemory is what a full queue of 10,000 events adds to the heap
// beside the users.
func BenchmarkQueueMemory(b *testing.B) {
	all := people()
	var grown uint64
	for b.Loop() {
		c := client(b, "http://127.0.0.1:1", &nowhere{})
		before := heap()
		record(c, all)
		grown = heap() - before
		runtime.KeepAlive(c)
	}
	runtime.KeepAlive(all)
	b.ReportMetric(float64(grown), "heap-B")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
