// Package openfeaturecode reads flags through OpenFeature.
package openfeaturecode

import (
	"context"

	"github.com/open-feature/go-sdk/openfeature"
)

type provider struct{ client *openfeature.Client }

func (p provider) BooleanEvaluation(ctx context.Context, flag string, fallback bool) bool { // want BooleanEvaluation:`keys in parameters \[1\]`
	value, _ := p.client.BooleanValue(ctx, flag, fallback, openfeature.EvaluationContext{})
	return value
}

func read(ctx context.Context) {
	client := openfeature.NewClient("domain")
	client.BooleanValue(ctx, "client", true, openfeature.EvaluationContext{})                    // want `reads flag "client"`
	openfeature.GetClient().String(ctx, "contract", "fallback", openfeature.EvaluationContext{}) // want `reads flag "contract"`
	openfeature.SetProvider(provider{client})
	var p openfeature.FeatureProvider
	p.BooleanEvaluation(ctx, "provider", true) // want `reads flag "provider"`
}
