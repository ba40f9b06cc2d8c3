//go:build !race

package eval_test

import (
	"crypto/fips140"
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// allocCase is an evaluation that must not allocate.
type allocCase struct {
	name string
	flag model.Flag
	// attribute is the user's attribute of that name.
	attribute string
	want      string
}

const runs = 1000

// TestEvaluateDoesNotAllocate is not parallel: others' allocations would count.
func TestEvaluateDoesNotAllocate(t *testing.T) {
	skipUnderFIPS(t)
	cases := append(allocCases(), operatorCases()...)
	flags := map[string]any{
		"passed": newFlag(when(model.Clause{Property: "attribute", Operator: "Equal", Value: "x"})),
		"failed": newFlag(disabled),
		"deep":   newFlag(requires("passed", "half")),
		"half":   newFlag(halves),
		"cycle":  newFlag(requires("cycle2")),
		"cycle2": newFlag(requires("passed", "cycle")),
		"broken": malformed("broken", 1),
	}
	for _, c := range cases {
		flags[c.name] = c.flag
	}
	s := snapshotWithSegments(flags, map[string]any{
		"included": model.Segment{Included: model.Texts("user-1")},
		"excluded": model.Segment{Excluded: model.Texts("user-1"), Included: model.Texts("user-1")},
		"many":     model.Segment{Included: model.Texts(append(keys(100), "user-1")...)},
		"rule":     model.Segment{Rules: segmentRules(clauses(model.Clause{Property: "attribute", Operator: "Equal", Value: "x"}))},
		"nested":   model.Segment{Rules: segmentRules(clauses(inSegments("excluded", "nested")), clauses(inSegments("nested2")))},
		"nested2":  model.Segment{Rules: segmentRules(clauses(notInSegments("excluded"), inSegments("rule")))},
		"broken":   malformed("broken", 1),
	})
	cases = append(cases,
		allocCase{name: "broken", want: failed},
		allocCase{name: "cycle", want: failed},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// A user whose bucket is remembered would prove nothing.
			users := make([]*eval.User, runs+2)
			for i := range users {
				users[i] = &eval.User{
					Key: "user-1", Name: "Ann", Email: "ann@example.com", Country: "FR",
					Custom: []eval.CustomAttribute{{Name: "other", Value: "1"}, {Name: "attribute", Value: c.attribute}},
				}
			}
			if got := answer(s, c.name, users[0]); got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			next, traced := 1, 0
			n := testing.AllocsPerRun(runs, func() {
				// As callers do it: a trace that escapes would move this array
				// to the heap.
				var room [16]eval.Result
				_, trace := eval.Evaluate(s, s.Flag(c.name), users[next], room[:0])
				traced += len(trace)
				next++
			})
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// skipUnderFIPS: where MD5 is forbidden, going around that costs allocations.
func skipUnderFIPS(t *testing.T) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("buckets allocate where MD5 is forbidden")
	}
}

func keys(count int) []string {
	list := make([]string, count)
	for i := range list {
		list[i] = fmt.Sprint("someone-", i)
	}
	return list
}

func halves(f *model.Flag) {
	f.Fallthrough = model.Rollout{Shares: []model.Share{{To: .5, Variation: special}, {From: .5, To: 1, Variation: on}}}
}

func allocCases() []allocCase {
	tenth := .1
	targets := func(keys []string) func(*model.Flag) {
		return func(f *model.Flag) { f.Targets = []model.Target{{Keys: model.Texts(keys...), Variation: special}} }
	}
	return []allocCase{
		{name: "off", flag: newFlag(disabled), want: offDisabled},
		{name: "constant", flag: newFlag(), want: onFallthrough},
		{name: "target", flag: newFlag(targets([]string{"x", "user-1"})), want: "special, target match"},
		{name: "target of many", flag: newFlag(targets(append(keys(100), "user-1"))), want: "special, target match"},
		{name: "no target", flag: newFlag(targets([]string{"x"})), want: onFallthrough},
		{name: "no target of many", flag: newFlag(targets(keys(100))), want: onFallthrough},
		{name: "rollout", flag: newFlag(halves), want: onFallthrough},
		{name: "no share", flag: newFlag(func(f *model.Flag) { f.Fallthrough = model.Rollout{Shares: []model.Share{{To: .1}}} }), want: "off, fall through all rules"},
		{
			name: "experiment share",
			flag: newFlag(func(f *model.Flag) {
				halves(f)
				f.ExperimentAll, f.Fallthrough.Experiment = model.No, model.Yes
				f.Fallthrough.Shares[1].Experiment = &tenth
			}),
			want: onFallthrough,
		},
		{name: "segment included", flag: newFlag(when(inSegments("included"))), want: matched},
		{name: "segment of many", flag: newFlag(when(inSegments("many"))), want: matched},
		{name: "segment excluded", flag: newFlag(when(inSegments("excluded"))), want: onFallthrough},
		{name: "segment by rule", flag: newFlag(when(inSegments("rule"))), attribute: "x", want: matched},
		{name: "segment nested", flag: newFlag(when(inSegments("nested"))), attribute: "x", want: matched},
		{name: "segment negated", flag: newFlag(when(notInSegments("nested"))), attribute: "y", want: matched},
		{name: "segment missing", flag: newFlag(when(inSegments("gone"))), want: onFallthrough},
		{name: "segment broken", flag: newFlag(when(inSegments("broken"))), want: failed},
		{name: "prerequisite passed", flag: newFlag(requires("passed")), want: onFallthrough},
		{name: "prerequisites of prerequisites", flag: newFlag(requires("deep", "passed")), want: onFallthrough},
		{name: "prerequisite failed", flag: newFlag(requires("passed", "failed")), want: offFailed},
		{name: "prerequisite missing", flag: newFlag(requires("gone")), want: offFailed},
		{name: "prerequisite broken", flag: newFlag(requires("passed", "broken")), want: failed},
	}
}

// operatorCases are all operators, each matching and not.
func operatorCases() (cases []allocCase) {
	many := list(append(keys(50), "x")...)
	for _, o := range []struct{ operator, operand, yes, no string }{
		{"Equal", "x", "x", "y"},
		{"NotEqual", "x", "y", "x"},
		{"Contains", "x", "axb", "y"},
		{"NotContain", "x", "y", "axb"},
		{"StartsWith", "x", "xb", "bx"},
		{"EndsWith", "x", "bx", "xb"},
		{"IsOneOf", `["a","x"]`, "x", "y"},
		{"NotOneOf", `["a","x"]`, "y", "x"},
		{"IsOneOf", many, "x", "y"},
		{"NotOneOf", many, "y", "x"},
		{"IsTrue", "", "TRUE", "yes"},
		{"IsFalse", "", "false", "no"},
		{"MatchRegex", "^a.*[0-9]+z?$", "Abc19", "19abc"},
		{"NotMatchRegex", "(x|y)+z", "z", "axyxyz"},
		{"LessThan", "18", "17", "18"},
		{"LessEqualThan", "18", "18.000004", "18.000006"},
		{"BiggerThan", "18.5", "18.6", "18.5"},
		{"BiggerEqualThan", "0.123456789", "0.1234612345678901", "0.12345"},
		{"BiggerThan", "1", "12345678901234567890.5", "-1e-10"},
		{"LessThan", "1e10", " 1_000 ", "infinity"},
		{"LessThan", "5", "-inf", "nan"},
		{"BiggerThan", "1", "1.7976931348623157e308", "no number at all"},
	} {
		flag := newFlag(when(model.Clause{Property: "attribute", Operator: o.operator, Value: o.operand}))
		name := strings.ReplaceAll(o.operator+" "+o.operand[:min(len(o.operand), 16)], "/", "")
		cases = append(cases,
			allocCase{name: name + ": " + o.yes, flag: flag, attribute: o.yes, want: matched},
			allocCase{name: name + ": " + o.no, flag: flag, attribute: o.no, want: onFallthrough},
		)
	}
	for _, property := range []string{"key", "Name", "email", "Country", "nothing"} {
		cases = append(cases, allocCase{
			name: "property " + property,
			flag: newFlag(when(model.Clause{Property: property, Operator: "NotEqual", Value: "x"})),
			want: matched,
		})
	}
	return cases
}

// TestUnusualUsersDoNotAllocate: what is hashed is made of the key on the
// stack, if the key has no more than 256 bytes.
func TestUnusualUsersDoNotAllocate(t *testing.T) {
	skipUnderFIPS(t)
	experiment := func(f *model.Flag) {
		halves(f)
		f.ExperimentAll, f.Fallthrough.Experiment = model.No, model.Yes
		for i := range f.Fallthrough.Shares {
			f.Fallthrough.Shares[i].Experiment = new(.1)
		}
	}
	s, _ := environment(t, map[string]any{"f": newFlag(halves), "experiment": newFlag(experiment)})
	tests := []struct{ flag, key string }{
		{"f", "用户-1"}, {"f", "zoë"}, {"f", strings.Repeat("é", 128)}, {"f", strings.Repeat("\xff", 256)}, {"f", strings.Repeat("a", 10_000)},
		{"experiment", "zoë"}, {"experiment", strings.Repeat("é", 128)}, {"experiment", strings.Repeat("a", 256)},
	}
	for _, test := range tests {
		users := make([]*eval.User, runs+1)
		for i := range users {
			users[i] = &eval.User{Key: test.key}
		}
		f := s.Flag(test.flag)
		next := 0
		n := testing.AllocsPerRun(runs, func() {
			_, _ = eval.Evaluate(s, f, users[next], nil)
			next++
		})
		if n != 0 {
			t.Errorf("%s for %.20q: %v allocations", test.flag, test.key, n)
		}
	}
}
