//go:build !race

package eval_test

import (
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// TestFeatBitDoesNotAllocate is not parallel: others' allocations would count.
func TestFeatBitDoesNotAllocate(t *testing.T) {
	skipUnderFIPS(t)
	const halves = `{"id":"special","rollout":[0,0.5],"exptRollout":0.1},{"id":"on","rollout":[0.5,1],"exptRollout":0.1}`
	rollout := func(more, shares string) string {
		return strings.Replace(featBitFlag("f", ""), featBitRollout("", `{"id":"on","rollout":[0,1]}`), featBitRollout(more, shares), 1)
	}
	rule := func(conditions ...string) string {
		return featBitFlag("f", featBitRules("["+strings.Join(conditions, ",")+"]"))
	}
	tests := []struct{ name, flag, want string }{
		{"off", strings.Replace(featBitFlag("f", ""), `"isEnabled":true`, `"isEnabled":false`, 1), offDisabled},
		{"constant", featBitFlag("f", ""), onFallthrough},
		{"target", featBitFlag("f", `,"targetUsers":[{"keyIds":["x","user-1"],"variationId":"special"}]`), "special, target match"},
		{"rollout", rollout(`,"includedInExpt":true`, halves), ""},
		{"rollout by attribute", rollout(`,"includedInExpt":true,"dispatchKey":"tenant"`, halves), ""},
		{"rollout by missing attribute", rollout(`,"includedInExpt":true,"dispatchKey":"nothing"`, halves), ""},
		{"no share", rollout("", ""), failed},
		{"conditions", rule(condition("plan", "Equal", "pro"), condition("email", "EndsWith", "@example.com"), condition("nothing", "NotOneOf", `["x"]`)), matched},
		{"empty conditions", rule(), matched},
		{"number", rule(condition("age", "BiggerThan", "17.123456789")), matched},
		{"number of many digits", rule(condition("digits", "BiggerThan", "17")), matched},
		{"no number", rule(condition("plan", "BiggerThan", "17")), onFallthrough},
		{"infinity", rule(condition("infinity", "BiggerThan", "17")), matched},
		{"number with commas", rule(condition("commas", "BiggerThan", "17")), matched},
		{"number that is too large", rule(condition("large", "BiggerThan", "1e308")), matched},
		{"number that is nearly too large", rule(condition("nearly", "LessThan", "1e309")), matched},
		{"decimal", rule(condition("digits", "BiggerThan", "3.1415926535")), matched},
		{"capitalised name", rule(condition("Email", "EndsWith", ".org")), matched},
		{"pattern with $", rule(condition("email", "MatchRegex", `^[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}$`)), matched},
		{"rollout by capitalised name", rollout(`,"dispatchKey":"Email"`, halves), ""},
		{"pattern", rule(condition("plan", "MatchRegex", "^p.o$")), matched},
		{"malformed pattern", rule(condition("plan", "MatchRegex", "(")), failed},
		{"segment", rule(inFeatBitSegment("s")), matched},
		{"not in segment", rule(notInFeatBitSegment("s")), onFallthrough},
		{"missing segment", rule(notInFeatBitSegment("gone")), failed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, _ := featBit(t, []string{test.flag}, []string{`{"id":"s","updatedAt":"2026-01-01T00:00:00Z","rules":[{"conditions":[` + condition("plan", "Equal", "pro") + `]}]}`})
			u := &eval.User{Key: "user-1", Name: "José", Email: "ann@example.com", Custom: []eval.CustomAttribute{
				{Name: "plan", Value: "pro"}, {Name: "tenant", Value: strings.Repeat("é", 200)}, {Name: "age", Value: "18"},
				{Name: "digits", Value: "12345678901234567890.123"}, {Name: "infinity", Value: "Infinity"},
				{Name: "commas", Value: "1,234,567.5"}, {Name: "large", Value: "1e309"}, {Name: "nearly", Value: "1.7976931348623157e308"},
				{Name: "Email", Value: "ann@example.org"},
			}}
			if got := answer(s, "f", u); got != test.want && test.want != "" {
				t.Fatalf("got %s, want %s", got, test.want)
			}
			if n := testing.AllocsPerRun(runs, func() { _, _ = eval.Evaluate(s, s.Flag("f"), u, nil) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
