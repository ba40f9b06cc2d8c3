package ffcopenfeature_test

import (
	"testing"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

// BenchmarkEvaluation compares what an evaluation costs: by the client, by the
// provider, and by OpenFeature's SDK with the provider behind it.
func BenchmarkEvaluation(b *testing.B) {
	client := offline(b, ffctest.Flag("f").Name("A flag").Rule("true", ffctest.Attr("plan").Equal("pro")).Serve("false"))
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	_, flags := ready(b, client)
	ctx := b.Context()
	flat := of.FlattenedContext{of.TargetingKey: "u", "country": "FR", "plan": "pro"}
	visitor := of.NewEvaluationContext("u", map[string]any{"country": "FR", "plan": "pro"})

	b.Run("by=client", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			u := ffc.NewUser("u", ffc.Country("FR"), ffc.String("plan", "pro"))
			client.BoolVariation(ctx, "f", u, false)
		}
	})
	b.Run("by=provider", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			provider.BooleanEvaluation(ctx, "f", false, flat)
		}
	})
	b.Run("by=provider-parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				provider.BooleanEvaluation(ctx, "f", false, flat)
			}
		})
	})
	b.Run("by=openfeature", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			flags.Boolean(ctx, "f", false, visitor)
		}
	})
}
