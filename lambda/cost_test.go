//go:build !race

package lambda_test

import (
	"context"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
)

// costly are handlers of one function, without and with Wrap. There is data, and
// there are no events to deliver.
func costly(t testing.TB) (ctx context.Context, handlers map[string]awslambda.Handler) {
	e := newEnvironment(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	serve := func(_ context.Context, o order) (order, error) { return o, nil }
	return ctx, map[string]awslambda.Handler{
		"plain":   awslambda.NewHandler(serve),
		"wrapped": awslambda.NewHandler(lambda.Wrap(e.client, serve)),
	}
}

var costlyPayload = []byte(`{"id":"1","items":[1,2]}`)

// BenchmarkInvocation is an invocation without and with Wrap: the difference is
// what a refresh of fresh data and the delivery of no events cost.
func BenchmarkInvocation(b *testing.B) {
	ctx, handlers := costly(b)
	for _, name := range []string{"plain", "wrapped"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := handlers[name].Invoke(ctx, costlyPayload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAllocation: Wrap adds less than 10 allocations to an invocation.
func TestAllocation(t *testing.T) {
	ctx, handlers := costly(t)
	count := func(name string) float64 {
		return testing.AllocsPerRun(1000, func() {
			if _, err := handlers[name].Invoke(ctx, costlyPayload); err != nil {
				t.Fatal(err)
			}
		})
	}
	if plain, wrapped := count("plain"), count("wrapped"); wrapped-plain >= 10 {
		t.Errorf("%v allocations, without Wrap %v: expected less than 10 more", wrapped, plain)
	}
}
