package stream_test

import (
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// BenchmarkChangeToVisible measures the time from a change on the platform to
// the first evaluation that sees it, over loopback.
func BenchmarkChangeToVisible(b *testing.B) {
	server := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a").Variations("0", "1")))
	defer server.Close()
	client, err := ffc.New(b.Context(), ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &stream.Transport{},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close(b.Context())
	user := ffc.NewUser("u")
	var took []time.Duration
	for b.Loop() {
		value := len(took)%2 ^ 1
		start := time.Now()
		server.Put(ffctest.Flag("a").Variations("0", "1").Serve(strconv.Itoa(value)))
		for client.IntVariation(b.Context(), "a", user, -1) != value {
			runtime.Gosched()
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
