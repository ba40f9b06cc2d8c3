package eval_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestAffectedOfLongChainsIsLinear: flags of which each requires the one before,
// and segments alike, in either order of the list.
func TestAffectedOfLongChainsIsLinear(t *testing.T) {
	for name, snapshot := range map[string]func(n int, key func(int) string) (*eval.Snapshot, store.Change){
		"prerequisites": func(n int, key func(int) string) (*eval.Snapshot, store.Change) {
			u := &store.Update{Full: true}
			for i := range n {
				u.Flags = append(u.Flags, item(key(i), 1, newFlag(requires(key(i+1)))))
			}
			source, _ := newSource()
			s, _ := eval.NewSnapshot(source).Apply(u, 0)
			return s, store.Change{Flags: []string{key(n)}}
		},
		"segments": func(n int, key func(int) string) (*eval.Snapshot, store.Change) {
			u := &store.Update{Full: true}
			for i := range n {
				u.Segments = append(u.Segments, item(key(i), 1, model.Segment{Rules: segmentRules(clauses(inSegments(key(i + 1))))}))
				u.Flags = append(u.Flags, item(key(i), 1, newFlag(when(inSegments(key(i))))))
			}
			source, _ := newSource()
			s, _ := eval.NewSnapshot(source).Apply(u, 0)
			return s, store.Change{Segments: []string{key(n)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for order, key := range map[string]func(int) string{
				"forwards":  func(i int) string { return fmt.Sprint(i) },
				"backwards": func(i int) string { return fmt.Sprint(1_000_000 - i) },
			} {
				snapshots := make(map[int]*eval.Snapshot)
				changes := make(map[int]store.Change)
				testkit.Linear(t, 1000, func(n int) {
					if snapshots[n] == nil {
						snapshots[n], changes[n] = snapshot(n, key)
					}
					affected := snapshots[n].Affected(changes[n])
					if extra := len(changes[n].Flags); len(affected) != n+extra || !slices.IsSorted(affected) {
						t.Fatalf("%s: %d flags are affected, expected %d", order, len(affected), n+extra)
					}
				})
			}
		})
	}
}

// TestEvaluationCountsClauses: whatever makes an evaluation long, it ends with an
// error that an explanation puts into words.
func TestEvaluationCountsClauses(t *testing.T) {
	t.Parallel()
	never := model.Clause{Property: "name", Operator: "Equal", Value: "other"}
	always := model.Clause{Property: "key", Operator: "Equal", Value: "u"}
	contains := model.Clause{Property: "name", Operator: "Contains", Value: "x"}
	// diamond makes an evaluation go through f 2^11 times.
	diamond := func(f model.Flag) map[string]any {
		flags := map[string]any{"11": f}
		for i := range 11 {
			next := fmt.Sprint(i + 1)
			flags[fmt.Sprint(i)] = newFlag(requires(next, next))
		}
		return flags
	}
	rules := func(n int, clauses ...model.Clause) model.Flag {
		f := newFlag()
		f.Rules = slices.Repeat([]model.Rule{{Clauses: clauses, Rollout: everybody(special)}}, n)
		return f
	}
	shares := newFlag()
	shares.Fallthrough.Shares = append(slices.Repeat([]model.Share{{From: 2, To: 3, Variation: off}}, 1000), shares.Fallthrough.Shares...)
	unknown := make([]string, 1000)
	for i := range unknown {
		unknown[i] = fmt.Sprint("segment-", i)
	}
	for name, test := range map[string]struct {
		flags map[string]any
		user  *eval.User
		limit bool
	}{
		"rules without clauses":    {flags: diamond(rules(1000)), limit: true},
		"rules":                    {flags: diamond(rules(500, never)), limit: true},
		"clauses":                  {flags: diamond(rules(1, append(slices.Repeat([]model.Clause{always}, 1000), never)...)), limit: true},
		"few clauses":              {flags: diamond(rules(1, append(slices.Repeat([]model.Clause{always}, 100), never)...))},
		"unknown segments":         {flags: diamond(rules(1, inSegments(unknown...))), limit: true},
		"unknown segments, not in": {flags: diamond(rules(1, notInSegments(unknown...), never)), limit: true},
		"shares":                   {flags: diamond(shares), limit: true},
		"a long attribute":         {flags: diamond(rules(1, contains)), user: &eval.User{Key: "u", Name: strings.Repeat("a", 1<<20)}, limit: true},
		"a long list of rules":     {flags: map[string]any{"0": rules(20_000, never)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := test.user
			if u == nil {
				u = user("u")
			}
			s, p := environment(t, test.flags)
			f := s.Flag("0")
			p.take()
			r, _ := eval.Evaluate(s, f, u, nil)
			e := eval.Explain(s, f, u)
			if e.Result != r {
				t.Errorf("evaluated as %+v, explained as %+v", r, e.Result)
			}
			if !test.limit {
				if r.Variation == nil {
					t.Errorf("got %v", r.Reason)
				}
				return
			}
			if r.Reason != eval.ReasonLimit || r.Variation != nil || r.Reason.String() != failed {
				t.Errorf("got %v", r.Reason)
			}
			if e.Cause == nil || !strings.Contains(e.Cause.Error(), "exceeds the limit of 1000000 clauses") {
				t.Errorf("explained by %v", e.Cause)
			}
		})
	}
}

// TestLastClauseOfBudget: the limit counts rules up to the last that an evaluation
// reaches, and no more.
func TestLastClauseOfBudget(t *testing.T) {
	t.Parallel()
	// A clause about the name counts 1 + 4096, and its rule 1 more. The rules of "0"
	// leave 88 of the limit, which are 44 rules of one clause.
	u := &eval.User{Key: "u", Name: strings.Repeat("a", 1<<20)}
	never := model.Clause{Property: "name", Operator: "Contains", Value: "x"}
	rule := func(value string) func(*model.Flag) {
		return when(model.Clause{Property: "key", Operator: "Equal", Value: value})
	}
	undecided := when(model.Clause{Property: "key", Operator: "Equal", Malformed: "is malformed"})
	expensive := newFlag()
	for range 244 {
		when(never)(&expensive)
	}
	for _, test := range []struct {
		name  string
		rules int // before the last, which do not match
		last  func(*model.Flag)
		want  eval.Reason
	}{
		{"no match", 43, rule("other"), eval.ReasonFallthrough},
		{"no match, one more rule", 44, rule("other"), eval.ReasonLimit},
		{"the last rule of the budget matches", 43, func(f *model.Flag) { rule("u")(f); rule("other")(f) }, eval.ReasonRuleMatch},
		{"the rule after it matches", 44, rule("u"), eval.ReasonLimit},
		{"the last rule of the budget is malformed", 43, func(f *model.Flag) { undecided(f); rule("other")(f) }, eval.ReasonError},
		{"the rule after it is malformed", 44, undecided, eval.ReasonLimit},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFlag(requires("0"))
			for range test.rules {
				rule("other")(&f)
			}
			test.last(&f)
			s, _ := environment(t, map[string]any{"0": expensive, "1": f})
			r, _ := eval.Evaluate(s, s.Flag("1"), u, nil)
			if r.Reason != test.want {
				t.Errorf("got %v, want %v", r.Reason, test.want)
			}
			if e := eval.Explain(s, s.Flag("1"), u); e.Result != r {
				t.Errorf("evaluated as %+v, explained as %+v", r, e.Result)
			}
		})
	}
}

// TestUserOfManyAttributes: the last of equal names counts, and an attribute is
// found, however many there are.
func TestUserOfManyAttributes(t *testing.T) {
	t.Parallel()
	s, _ := environment(t, map[string]any{"f": newFlag(when(model.Clause{Property: "plan", Operator: "Equal", Value: "pro"}))})
	for n := range 40 {
		u := user("u")
		for i := range n {
			u.Set(fmt.Sprint("attribute-", i), "x")
		}
		if got := answer(s, "f", u); got != onFallthrough {
			t.Errorf("%d attributes: got %s without the one that counts", n, got)
		}
		u.Set("plan", "free")
		u.Set("another", "x")
		u.Set("plan", "pro")
		if got := answer(s, "f", u); got != matched || len(u.Custom) != n+2 || u.Custom[n].Value != "pro" {
			t.Errorf("%d attributes: got %s", n, got)
		}
	}
}
