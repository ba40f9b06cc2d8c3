package data_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// BenchmarkNewOnDemand makes a client that polls on demand, before it asks for
// anything.
func BenchmarkNewOnDemand(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		client, err := ffc.New(context.Background(), unreachable(&poll.Transport{}))
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = client.Close(context.Background())
		b.StartTimer()
	}
}

// TestGoroutines holds what runs between calls.
func TestGoroutines(t *testing.T) {
	for _, test := range []struct {
		name      string
		transport transport.Transport
		most      int
	}{
		{"poll on demand", &poll.Transport{}, 0},
		{"stream on demand", &stream.Transport{OnDemand: true}, 0},
		{"stream", &stream.Transport{}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			client, err := ffc.New(t.Context(), unreachable(test.transport))
			if err != nil {
				t.Fatal(err)
			}
			if n := runtime.NumGoroutine() - before; n > test.most {
				t.Errorf("there are %d goroutines, expected at most %d", n, test.most)
			}
			_ = client.Close(t.Context())
		})
	}
}

func unreachable(t transport.Transport) ffc.Config {
	return ffc.Config{EnvSecret: fixture.EnvSecret, BaseURL: "http://127.0.0.1:1", Transport: t, StartWait: -1, Logger: quiet()}
}
