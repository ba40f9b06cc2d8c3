package eval_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// explained explains a flag and returns what is wrong with the explanation: the
// result is not that of an evaluation, or the way does not lead to it.
func explained(s *eval.Snapshot, f *eval.Flag, u *eval.User) (eval.Explanation, error) {
	e := eval.Explain(s, f, u)
	want, trace := eval.Evaluate(s, f, u, nil)
	if e.Result != want {
		return e, fmt.Errorf("explained as %+v, but evaluated as %+v", e.Result, want)
	}
	w := way{of: make(map[*eval.Flag][]eval.Result)}
	got, err := w.check(&e)
	if err != nil {
		return e, fmt.Errorf("explanation of %q: %w", e.FlagKey, err)
	}
	if e.Cause == nil {
		got = got[:len(got)-1] // its own
	}
	if !slices.Equal(got, trace) {
		return e, fmt.Errorf("the explanation of %q goes through %d prerequisites, an evaluation through %d others", e.FlagKey, len(got), len(trace))
	}
	return e, nil
}

// way checks the way of an explanation.
type way struct {
	// of are the results that lead to that of a flag which is explained only
	// once.
	of map[*eval.Flag][]eval.Result
}

// check returns the results that the explanation has in it, its own last.
func (w *way) check(e *eval.Explanation) ([]eval.Result, error) {
	if (e.Cause != nil) != (e.Reason == eval.ReasonError || e.Reason == eval.ReasonLimit) || (e.Cause == nil) != (e.Variation != nil) || e.Cause != nil && e.Experiment {
		return nil, fmt.Errorf("reason %q with cause %v and variation %v", e.Reason, e.Cause, e.Variation)
	}
	if e.Flag == nil || e.Flag.Key != e.FlagKey {
		return nil, fmt.Errorf("its flag is %v", e.Flag)
	}
	var results []eval.Result
	if before, ok := w.of[e.Flag]; ok && e.Cause == nil && len(e.Prerequisites)+len(e.Rules) == 0 && e.Rollout == nil {
		results = before
	} else {
		var err error
		if results, err = w.checkWay(e); err != nil {
			return nil, err
		}
		w.of[e.Flag] = results
	}
	results = slices.Clip(results)
	if e.Cause == nil {
		results = append(results, e.Result)
	}
	return results, nil
}

func (w *way) checkWay(e *eval.Explanation) (results []eval.Result, err error) {
	passed := true
	for i, p := range e.Prerequisites {
		if !passed {
			return nil, fmt.Errorf("prerequisite %d after one that failed", i)
		}
		passed = p.Passed
		switch inner := &p.Explanation; {
		case inner.Reason == eval.ReasonFlagNotFound && !passed, inner.Reason == eval.ReasonNone && passed && inner.Flag == e.Flag:
		default:
			more, err := w.check(inner)
			if err != nil {
				return nil, fmt.Errorf("prerequisite %q: %w", inner.FlagKey, err)
			}
			results = append(results, more...)
			if served := inner.Variation != nil && inner.Variation.ID == p.VariationID; served != passed {
				return nil, fmt.Errorf("prerequisite %q: passed %v with %v", inner.FlagKey, passed, inner.Variation)
			}
		}
	}
	matching := -1
	for i, r := range e.Rules {
		if matching >= 0 {
			return nil, fmt.Errorf("rule %d after one that matches", i)
		}
		if r.Matched {
			matching = i
		}
		if err := checkRule(&r, e.Cause != nil); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i, err)
		}
		if r.Rollout != nil && (!r.Matched || e.Reason != eval.ReasonFallthrough) {
			return nil, fmt.Errorf("rule %d has a rollout", i)
		}
	}
	var taken *eval.Variation
	if e.Rollout != nil {
		if taken, err = checkRollout(e.Rollout); err != nil {
			return nil, err
		}
	}
	ok := true
	switch e.Reason {
	case eval.ReasonOff:
		ok = len(e.Prerequisites)+len(e.Rules) == 0 && e.Rollout == nil
	case eval.ReasonPrerequisiteFailed:
		ok = !passed && len(e.Rules) == 0 && e.Rollout == nil
	case eval.ReasonTargetMatch:
		ok = passed && len(e.Rules) == 0 && e.Rollout == nil
	case eval.ReasonRuleMatch:
		ok = passed && matching >= 0 && taken == e.Variation
	case eval.ReasonFallthrough:
		ok = passed && e.Rollout != nil && (taken == e.Variation || taken == nil) &&
			(matching < 0 || e.Rules[matching].Rollout != nil)
		if matching >= 0 && ok {
			var none *eval.Variation
			if none, err = checkRollout(e.Rules[matching].Rollout); none != nil {
				ok = false
			}
		}
	}
	if !ok {
		return nil, fmt.Errorf("%q by %+v", e.Reason, e)
	}
	return results, err
}

// checkRollout returns the variation of the only share that is taken, if any is.
func checkRollout(ro *eval.ExplainedRollout) (taken *eval.Variation, err error) {
	if ro.BucketBy == "" || ro.Bucket < 0 || ro.Bucket > 1 {
		return nil, fmt.Errorf("bucket %v by %q", ro.Bucket, ro.BucketBy)
	}
	for i, s := range ro.Shares {
		if !s.Taken {
			continue
		}
		if taken != nil {
			return nil, fmt.Errorf("share %d is the second that is taken", i)
		}
		taken = s.Variation
		everybody := s.From == 0 && s.To > 0.9999
		if math.IsNaN(ro.Bucket) && !(everybody && i == 0) || !everybody && (ro.Bucket < s.From || ro.Bucket > s.To) {
			return nil, fmt.Errorf("share %d is taken by bucket %v: %+v", i, ro.Bucket, s)
		}
	}
	return taken, nil
}

func checkRule(r *eval.ExplainedRule, failed bool) error {
	for i, c := range r.Clauses {
		if last := i == len(r.Clauses)-1; !c.Matched && (r.Matched || !last) {
			return fmt.Errorf("clause %d does not match, but it goes on", i)
		}
		if (c.UserValue != "") && !c.Present {
			return fmt.Errorf("clause %d: the value %q of a missing attribute", i, c.UserValue)
		}
		in := false
		for j, s := range c.Segments {
			if in {
				return fmt.Errorf("clause %d: segment %d after one that has the user", i, j)
			}
			in = s.Member
			if err := checkSegment(&s, failed); err != nil {
				return fmt.Errorf("clause %d: segment %q: %w", i, s.ID, err)
			}
		}
		isSegment := strings.HasSuffix(c.Operator, "in segment") && c.Problem == nil
		if isSegment && c.Matched != (in == (c.Operator == "User is in segment")) && !failed {
			return fmt.Errorf("clause %d: matched %v, member %v", i, c.Matched, in)
		}
	}
	if n := len(r.Clauses); n > 0 && r.Clauses[n-1].Matched != r.Matched {
		return fmt.Errorf("matched %v, but its last clause %v", r.Matched, !r.Matched)
	}
	return nil
}

func checkSegment(s *eval.ExplainedSegment, failed bool) error {
	matching := -1
	for i, r := range s.Rules {
		if matching >= 0 {
			return fmt.Errorf("rule %d after one that matches", i)
		}
		if r.Matched {
			matching = i
		}
		if err := checkRule(&r, failed); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	ok := false
	switch s.By {
	case eval.MembershipIncluded:
		ok = s.Member && len(s.Rules) == 0
	case eval.MembershipRule:
		ok = s.Member && matching >= 0
	case eval.MembershipNoRule:
		ok = !s.Member && matching < 0
	case eval.MembershipRepeated:
		ok = len(s.Rules) == 0
	case eval.MembershipExcluded, eval.MembershipCycle, eval.MembershipUnknown:
		ok = !s.Member && len(s.Rules) == 0
	case eval.MembershipMalformed, eval.MembershipLimit:
		ok = !s.Member && len(s.Rules) == 0 && failed
	case eval.MembershipError:
		ok = !s.Member && len(s.Rules) > 0 && failed
	}
	if !ok {
		return fmt.Errorf("member %v by %q, with %d rules", s.Member, s.By, len(s.Rules))
	}
	return nil
}

// TestExplanationIsBounded: flags and segments of which each leads to the next
// one twice are explained once.
func TestExplanationIsBounded(t *testing.T) {
	t.Parallel()
	const length = 41
	flags := chain(length)
	for key, f := range flags {
		f := f.(model.Flag)
		f.Prerequisites = append(f.Prerequisites, f.Prerequisites...)
		flags[key] = f
	}
	segments := map[string]any{"f": newFlag(when(inSegments("0")))}
	for i := range length {
		next := inSegments(fmt.Sprint(i + 1))
		segments[fmt.Sprint(i)] = model.Segment{Rules: segmentRules(clauses(next, isAdult), clauses(next))}
	}
	inLast := model.Segment{Rules: segmentRules(clauses(model.Clause{Property: "key", Operator: "Equal", Value: "u"}))}
	tests := []struct {
		name  string
		items map[string]any
		flag  string
		want  string
		cause string
	}{
		{name: "flags", items: flags, flag: "0", want: failed, cause: "limit of 10000 flags and segments"},
		{name: "few flags", items: flags, flag: "30", want: onFallthrough},
		{name: "segments", items: segments, flag: "f", want: failed, cause: "limit of 10000 flags and segments"},
		{name: "few segments", items: map[string]any{
			"f": newFlag(when(inSegments("30"))), "30": segments["30"], "31": segments["31"], "32": segments["32"], "33": inLast,
		}, flag: "f", want: matched},
		{name: "chain", items: chain(200), flag: "0", want: failed, cause: "limit of 100 in a chain of prerequisites"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := environment(t, test.items)
			e, err := explained(s, s.Flag(test.flag), user("u"))
			if err != nil {
				t.Fatal(err)
			}
			if got := resultText(e.Result); got != test.want || test.cause == "" != (e.Cause == nil) || e.Cause != nil && !strings.Contains(e.Cause.Error(), test.cause) {
				t.Errorf("got %s, %v; want %s, %s", got, e.Cause, test.want, test.cause)
			}
			if n := pieces(&e); n > 10*length {
				t.Errorf("%d pieces", n)
			}
		})
	}
}

// pieces counts what an explanation is made of.
func pieces(e *eval.Explanation) int {
	n := 1
	for _, p := range e.Prerequisites {
		n += pieces(&p.Explanation)
	}
	return n + piecesOfRules(e.Rules)
}

func piecesOfRules(rules []eval.ExplainedRule) (n int) {
	for _, r := range rules {
		for _, c := range r.Clauses {
			n++
			for _, s := range c.Segments {
				n += 1 + piecesOfRules(s.Rules)
			}
		}
	}
	return n
}

// TestExplainedCauses: what an evaluation failed on, in words, and whose it is.
func TestExplainedCauses(t *testing.T) {
	t.Parallel()
	gap := model.Rollout{Shares: []model.Share{{Variation: on}}}
	bad := model.Clause{Property: "key", Operator: "MatchRegex", Value: "s3cret("}
	missing := func(f *model.Flag) { f.Fallthrough = everybody(7) }
	tests := []struct {
		name   string
		strict bool
		items  map[string]any // the flag that is asked for is "f"
		want   string
	}{
		{name: "broken", items: map[string]any{"f": malformed("f", 1)}, want: `flag "f": is malformed`},
		{name: "broken prerequisite", items: map[string]any{"f": newFlag(requires("g")), "g": malformed("g", 1)}, want: `flag "g": is malformed`},
		{name: "cycle", items: map[string]any{"f": newFlag(requires("g")), "g": newFlag(requires("h")), "h": newFlag(requires("g"))},
			want: `flag "g": its prerequisites form a cycle: g, h, g`},
		{name: "clause", strict: true, items: map[string]any{"f": newFlag(when(bad))},
			want: `flag "f": rule 1: clause 1 (operator "MatchRegex"): its regular expression is invalid (missing closing ))`},
		{name: "clause of a segment", strict: true, items: map[string]any{"f": newFlag(when(inSegments("s"))), "s": model.Segment{Rules: segmentRules(clauses(isAdult), clauses(bad))}},
			want: `segment "s": rule 2: clause 1 (operator "MatchRegex"): its regular expression is invalid (missing closing ))`},
		{name: "unknown segment", strict: true, items: map[string]any{"f": newFlag(when(notInSegments("s")))}, want: `segment "s": does not exist in the environment`},
		{name: "gap in a rule", strict: true, items: map[string]any{"f": newFlag(func(f *model.Flag) { f.Rules = []model.Rule{{Rollout: gap}} })},
			want: `flag "f": rule 1 has no share for the user`},
		{name: "gap in the default rule", strict: true, items: map[string]any{"f": newFlag(func(f *model.Flag) { f.Fallthrough = gap })},
			want: `flag "f": its default rule has no share for the user`},
		{name: "variation of the default rule", strict: true, items: map[string]any{"f": newFlag(missing)},
			want: `flag "f": its default rule serves a variation that the flag does not have`},
		{name: "variation of a target", strict: true, items: map[string]any{"f": newFlag(func(f *model.Flag) {
			f.Targets = []model.Target{{Keys: model.Texts("u"), Variation: model.Missing}}
		})}, want: `flag "f": a target serves a variation that the flag does not have`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := environmentOf(t, test.strict, test.items)
			e, err := explained(s, s.Flag("f"), user("u"))
			if err != nil {
				t.Fatal(err)
			}
			if e.Cause == nil || e.Cause.Error() != test.want {
				t.Errorf("got %v\nwant %s", e.Cause, test.want)
			}
		})
	}
}

// environmentOf is environment under the rules of either platform.
func environmentOf(t testing.TB, strict bool, items map[string]any) *eval.Snapshot {
	t.Helper()
	s, _ := environment(t, items)
	if !strict {
		return s
	}
	flags, segments, tags := s.Items()
	source, _ := newSource()
	source.Semantics = eval.FeatBit()
	return snapshotOf(source, &store.Update{Full: true, Flags: flags, Segments: segments, Tags: tags})
}

// TestExplainOfChangedData: the bytes of a bootstrap are the application's, which
// may change them although it should not.
func TestExplainOfChangedData(t *testing.T) {
	t.Parallel()
	whole := model.Rollout{Shares: []model.Share{{To: 1}}}
	m := model.Flag{Enabled: true, Variations: []model.Variation{{ID: "1", Value: "x"}}, Fallthrough: whole,
		Rules: []model.Rule{{Clauses: []model.Clause{{Property: "key", Operator: "Equal", Value: "other"}}, Rollout: whole}}}
	source := &eval.Source{Semantics: eval.Classic(), DecodeFlag: func([]byte) (*model.Flag, error) {
		decoded := m
		m.Rules = nil // from then on
		return &decoded, nil
	}}
	s, _ := eval.NewSnapshot(source).Apply(&store.Update{Full: true, Flags: []store.Item{{Key: "a", Version: 1}}}, 0)
	f := s.Flag("a")
	if e := eval.Explain(s, f, &eval.User{Key: "u"}); e.Reason != eval.ReasonError || e.Cause == nil || e.Flag != f {
		t.Errorf("got %+v", e)
	}
}

// TestFirstFailureIsReported: a clause about several segments ends at the first that
// cannot be decided, also if a later one exceeds a limit.
func TestFirstFailureIsReported(t *testing.T) {
	t.Parallel()
	items := map[string]any{
		"f":     newFlag(when(inSegments("needs", "s0"))),
		"needs": model.Segment{Rules: []model.SegmentRule{{Clauses: []model.Clause{{Property: "tags", Operator: "Equal", Value: "x"}}}}},
	}
	const tooDeep = 101
	for i := range tooDeep {
		items[fmt.Sprintf("s%d", i)] = model.Segment{Rules: []model.SegmentRule{{Clauses: []model.Clause{inSegments(fmt.Sprintf("s%d", i+1))}}}}
	}
	s := environmentOf(t, false, items)
	u := user("u")
	if e, err := explained(s, s.Flag("f"), u); err != nil || e.Reason != eval.ReasonLimit {
		t.Errorf("without the attribute: %v, %v", e.Reason, err)
	}
	u.SetInvalid("tags")
	if e, err := explained(s, s.Flag("f"), u); err != nil || e.Reason != eval.ReasonError || !e.InvalidAttribute {
		t.Errorf("got %+v, %v", e.Result, err)
	}
}
