//go:build !race

package ffcopenfeature_test

import (
	"testing"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

// TestAllocations: the user, the map of the metadata (which is the SDK's to
// change), and what is in it.
func TestAllocations(t *testing.T) {
	server := platform(t, ffctest.Flag("f").Name("A flag").Variations("1"))
	client := online(t, server, func(c *ffc.Config) { c.Events = flush.Config{Interval: -1, Capacity: 5_000_000} })
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	ctx := of.FlattenedContext{of.TargetingKey: "u", "country": "FR", "plan": "pro"}
	tests := []struct {
		name string
		most float64
		call func()
	}{
		{"boolean", 5, func() { provider.BooleanEvaluation(t.Context(), "f", false, ctx) }},
		{"string", 5, func() { provider.StringEvaluation(t.Context(), "f", "", ctx) }},
		{"float", 5, func() { provider.FloatEvaluation(t.Context(), "f", 0, ctx) }},
		{"integer", 5, func() { provider.IntEvaluation(t.Context(), "f", 0, ctx) }},
		{"missing", 4, func() { provider.BooleanEvaluation(t.Context(), "missing", false, ctx) }},
	}
	for _, test := range tests {
		test.call()
		if got := testing.AllocsPerRun(1000, test.call); got > test.most {
			t.Errorf("%s: %v allocations, at most %v expected", test.name, got, test.most)
		}
	}
}
