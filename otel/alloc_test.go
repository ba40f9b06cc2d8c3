//go:build !race

package ffcotel_test

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
)

// contexts are those that an evaluation can have: without a span, with one that does
// not record, and with one that does.
func contexts(ctx context.Context) map[string]context.Context {
	unsampled, _ := traces(sdktrace.WithSampler(sdktrace.NeverSample()))
	dropped, _ := unsampled.Start(ctx, "request")
	limits := sdktrace.NewSpanLimits()
	limits.EventCountLimit = 8 // else the span grows with the test
	sampled, _ := traces(sdktrace.WithRawSpanLimits(limits))
	recorded, _ := sampled.Start(ctx, "request")
	return map[string]context.Context{"none": ctx, "not-recording": dropped, "recording": recorded}
}

// TestAllocations: an evaluation allocates only for the event on a span that records:
// the attributes, the options, and the SDK's copies.
func TestAllocations(t *testing.T) {
	client, user := offline(t, ffcotel.Config{}, ffctest.Flag("f")), ffc.NewUser("u")
	most := map[string]float64{"none": 0, "not-recording": 0, "recording": 4}
	for name, ctx := range contexts(t.Context()) {
		if n := testing.AllocsPerRun(1000, func() { client.BoolVariation(ctx, "f", user, false) }); n > most[name] {
			t.Errorf("span %s: %v allocations, want at most %v", name, n, most[name])
		}
	}
}

// BenchmarkEvaluation is an evaluation with Evaluations, by the span of its context.
func BenchmarkEvaluation(b *testing.B) {
	client, user := offline(b, ffcotel.Config{}, ffctest.Flag("f")), ffc.NewUser("u")
	plain, err := ffc.New(b.Context(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("f"))})
	if err != nil {
		b.Fatal(err)
	}
	defer plain.Close(context.Background())
	run := func(name string, client *ffc.Client, ctx context.Context) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				client.BoolVariation(ctx, "f", user, false)
			}
		})
	}
	run("hook=none", plain, b.Context())
	for name, ctx := range contexts(b.Context()) {
		run("span="+name, client, ctx)
	}
}

// BenchmarkCollect is what a collection of the metrics costs.
func BenchmarkCollect(b *testing.B) {
	client := offline(b, ffcotel.Config{}, ffctest.Flag("f"))
	meter, collect := meterOf(b)
	observe(b, client, meter)
	b.ReportAllocs()
	for b.Loop() {
		collect()
	}
}
