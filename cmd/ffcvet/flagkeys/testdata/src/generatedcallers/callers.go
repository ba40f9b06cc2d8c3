// Package generatedcallers uses generated accessors.
package generatedcallers

import (
	"context"

	"generated"

	"github.com/open-feature/go-sdk/openfeature"
)

func handle(ctx context.Context) {
	generated.Used.Value(ctx, openfeature.EvaluationContext{}) // want `reads flag "used"`
	_ = generated.Both                                         // want `reads flag "used"` `reads flag "function"`
}
