//go:build !race

package platform_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// TestEventsDoNotAllocate is not parallel: others' allocations would count.
func TestEventsDoNotAllocate(t *testing.T) {
	for _, d := range registry.All() {
		private := platform.NewPrivate([]string{"email", "plan"})
		user := &eval.User{
			Key: "user-1", Name: "Ann \"A\" O'Neill", Email: "ann@example.com", Country: "FR",
			Custom: []eval.CustomAttribute{{Name: "age", Value: "18"}, {Name: "plan", Value: "a\nb"}, {Name: "开关", Value: "\xff"}, {Name: "KEYID", Value: "x"}},
		}
		user.Set("Email", "Ann@example.com")
		evaluation := evaluationOf("checkout", "1", `{"color":"red"}`, eval.ReasonRuleMatch, true)
		metric := &platform.Metric{Name: "purchase", Value: 12.345}
		dst := make([]byte, 0, 4096)
		tests := []struct {
			name string
			f    func()
		}{
			{name: "user", f: func() { d.AppendUser(dst, user, nil) }},
			{name: "user with private attributes", f: func() { d.AppendUser(dst, user, private) }},
			{name: "evaluation", f: func() { d.AppendEvaluation(dst, evaluation) }},
			{name: "metric", f: func() { d.AppendMetric(dst, metric) }},
		}
		for _, test := range tests {
			t.Run(d.Name+" "+test.name, func(t *testing.T) {
				if n := testing.AllocsPerRun(1000, test.f); n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
		}
	}
}
