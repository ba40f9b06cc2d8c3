package data_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// BenchmarkChangeToVisible is the time from a change on the platform until each
// of 100 clients, with a connection of its own over loopback, evaluates to it.
// Platform and clients share this process and its cores.
func BenchmarkChangeToVisible(b *testing.B) {
	server := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a").Variations("0", "1")))
	defer server.Close()
	const clients = 100
	var pending sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	var begin time.Time
	user := ffc.NewUser("ann")
	for range clients {
		client, err := ffc.New(b.Context(), ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &stream.Transport{}, Logger: quiet()})
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close(b.Context())
		client.OnChange(func([]string) {
			client.IntVariation(b.Context(), "a", user, -1)
			mu.Lock()
			took = append(took, time.Since(begin))
			mu.Unlock()
			pending.Done()
		})
	}
	for i := 1; b.Loop(); i++ {
		change := ffctest.Flag("a").Variations("0", "1").Serve(strconv.Itoa(i % 2))
		pending.Add(clients)
		begin = time.Now()
		server.Put(change)
		pending.Wait()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
