//go:build !race

package eval_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// BenchmarkEvaluate is an evaluation without what the client adds to it.
func BenchmarkEvaluate(b *testing.B) {
	equal := func(value string) model.Clause {
		return model.Clause{Property: "plan", Operator: "Equal", Value: value}
	}
	s := snapshotWithSegments(map[string]any{
		"off":     newFlag(disabled),
		"rule":    newFlag(when(equal("free")), when(equal("trial")), when(equal("pro"))),
		"number":  newFlag(when(model.Clause{Property: "age", Operator: "BiggerThan", Value: "18"})),
		"decimal": newFlag(when(model.Clause{Property: "price", Operator: "LessThan", Value: "20.5"})),
		"rollout": newFlag(halves),
		"segment": newFlag(when(inSegments("s"))),
	}, map[string]any{"s": model.Segment{Rules: segmentRules(clauses(equal("pro")))}})
	u := &eval.User{Key: "user-1", Custom: []eval.CustomAttribute{{Name: "age", Value: "40"}, {Name: "plan", Value: "pro"}, {Name: "price", Value: "3.14"}}}
	for _, key := range []string{"off", "rule", "number", "decimal", "rollout", "segment"} {
		b.Run(key, func(b *testing.B) {
			b.ReportAllocs()
			f := s.Flag(key)
			for b.Loop() {
				_, _ = eval.Evaluate(s, f, u, nil)
			}
		})
	}
}
