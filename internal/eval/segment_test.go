package eval_test

import (
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

func segmentRules(rules ...[]model.Clause) []model.SegmentRule {
	var out []model.SegmentRule
	for _, clauses := range rules {
		out = append(out, model.SegmentRule{Clauses: clauses})
	}
	return out
}

func clauses(list ...model.Clause) []model.Clause { return list }

var isAdult = model.Clause{Property: "age", Operator: "BiggerEqualThan", Value: "18"}

// TestSegments follows protocol reference, section 6.7. The clause under test
// is asked in both polarities.
func TestSegments(t *testing.T) {
	t.Parallel()
	many := []string{"u"}
	for i := range 20 {
		many = append(many, fmt.Sprint("v", i))
	}
	const yes, no, broken = "yes", "no", "broken"
	tests := []struct {
		name     string
		segments map[string]any
		ids      string // the clause's value
		want     string
	}{
		{name: "included", segments: map[string]any{"s": model.Segment{Included: model.Texts("x", "u")}}, ids: `["s"]`, want: yes},
		{name: "included of many", segments: map[string]any{"s": model.Segment{Included: model.Texts(many...)}}, ids: `["s"]`, want: yes},
		{name: "other case", segments: map[string]any{"s": model.Segment{Included: model.Texts("U")}}, ids: `["s"]`, want: no},
		{name: "not mentioned", segments: map[string]any{"s": model.Segment{Included: model.Texts("x")}}, ids: `["s"]`, want: no},
		{name: "empty segment", segments: map[string]any{"s": model.Segment{}}, ids: `["s"]`, want: no},
		{name: "missing", ids: `["s"]`, want: no},
		{name: "archived", segments: map[string]any{"s": archived("s", 1)}, ids: `["s"]`, want: no},

		{name: "excluded", segments: map[string]any{"s": model.Segment{Excluded: model.Texts("u")}}, ids: `["s"]`, want: no},
		{name: "excluded wins over included", segments: map[string]any{"s": model.Segment{Included: model.Texts("u"), Excluded: model.Texts("u")}}, ids: `["s"]`, want: no},
		{
			name:     "excluded wins over rules",
			segments: map[string]any{"s": model.Segment{Excluded: model.Texts(many...), Rules: segmentRules(clauses(isAdult))}},
			ids:      `["s"]`, want: no,
		},
		{
			name:     "excluded in one, included in another",
			segments: map[string]any{"s": model.Segment{Excluded: model.Texts("u")}, "r": model.Segment{Included: model.Texts("u")}},
			ids:      `["s","r"]`, want: yes,
		},
		{name: "missing, then included", segments: map[string]any{"s": model.Segment{Included: model.Texts("u")}}, ids: `["gone","s"]`, want: yes},

		{name: "rule", segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(isAdult))}}, ids: `["s"]`, want: yes},
		{
			name:     "second rule",
			segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(model.Clause{Property: "age", Operator: "LessThan", Value: "18"}), clauses(isAdult))}},
			ids:      `["s"]`, want: yes,
		},
		{
			name:     "all clauses of a rule have to match",
			segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(isAdult, model.Clause{Property: "age", Operator: "LessThan", Value: "18"}))}},
			ids:      `["s"]`, want: no,
		},
		{name: "rule without clauses", segments: map[string]any{"s": model.Segment{Rules: segmentRules(nil)}}, ids: `["s"]`, want: no},

		{
			name: "nested",
			segments: map[string]any{
				"s": model.Segment{Rules: segmentRules(clauses(inSegments("r")))},
				"r": model.Segment{Rules: segmentRules(clauses(inSegments("q")))},
				"q": model.Segment{Included: model.Texts("u")},
			},
			ids: `["s"]`, want: yes,
		},
		{
			name: "nested and negated",
			segments: map[string]any{
				"s": model.Segment{Rules: segmentRules(clauses(isAdult, notInSegments("r")))},
				"r": model.Segment{Included: model.Texts("u")},
			},
			ids: `["s"]`, want: no,
		},
		{name: "nested and missing", segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(inSegments("gone")))}}, ids: `["s"]`, want: no},
		{name: "nested, negated and missing", segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(notInSegments("gone")))}}, ids: `["s"]`, want: yes},
		{
			name: "exclusion counts for its own segment only",
			segments: map[string]any{
				"s": model.Segment{Rules: segmentRules(clauses(inSegments("r")), clauses(isAdult))},
				"r": model.Segment{Excluded: model.Texts("u")},
			},
			ids: `["s"]`, want: yes,
		},
		{
			name: "diamond",
			segments: map[string]any{
				"s": model.Segment{Rules: segmentRules(clauses(inSegments("q", "r"), inSegments("r")))},
				"r": model.Segment{Rules: segmentRules(clauses(inSegments("p")))},
				"q": model.Segment{Rules: segmentRules(clauses(inSegments("p", "gone"), inSegments("gone")))},
				"p": model.Segment{Included: model.Texts("u")},
			},
			ids: `["s"]`, want: yes,
		},

		{name: "itself", segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(inSegments("s")))}}, ids: `["s"]`, want: no},
		{name: "not itself", segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(notInSegments("s")))}}, ids: `["s"]`, want: yes},
		{name: "itself, but included", segments: map[string]any{"s": model.Segment{Included: model.Texts("u"), Rules: segmentRules(clauses(inSegments("s")))}}, ids: `["s"]`, want: yes},
		{
			name: "cycle of two",
			segments: map[string]any{
				"s": model.Segment{Rules: segmentRules(clauses(inSegments("r")))},
				"r": model.Segment{Rules: segmentRules(clauses(inSegments("s")))},
			},
			ids: `["s"]`, want: no,
		},
		{
			name: "cycle with a way out",
			segments: map[string]any{
				"s": model.Segment{Rules: segmentRules(clauses(inSegments("r")))},
				"r": model.Segment{Rules: segmentRules(clauses(inSegments("q")))},
				"q": model.Segment{Rules: segmentRules(clauses(inSegments("s")), clauses(isAdult))},
			},
			ids: `["s"]`, want: yes,
		},

		{name: "no list", ids: `"s"`, segments: map[string]any{"s": model.Segment{Included: model.Texts("u")}}, want: no},
		{name: "object", ids: `{"s":1}`, segments: map[string]any{"s": model.Segment{Included: model.Texts("u")}}, want: no},
		{name: "null", ids: `null`, want: no},
		{name: "malformed list", ids: `["s"`, segments: map[string]any{"s": model.Segment{Included: model.Texts("u")}}, want: no},
		{name: "no value", ids: ``, want: no},
		{name: "empty list", ids: `[]`, want: no},
		{name: "other elements", ids: `[1,null,["s"],{"s":"s"}]`, segments: map[string]any{"s": model.Segment{Included: model.Texts("u")}}, want: no},
		{name: "a string among others", ids: ` [ 1 , "s" ] `, segments: map[string]any{"s": model.Segment{Included: model.Texts("u")}}, want: yes},

		{name: "malformed segment", segments: map[string]any{"s": malformed("s", 1)}, ids: `["s"]`, want: broken},
		{name: "malformed segment behind one that has the user", segments: map[string]any{"r": model.Segment{Included: model.Texts("u")}, "s": malformed("s", 1)}, ids: `["r","s"]`, want: yes},
		{name: "malformed segment before one that has the user", segments: map[string]any{"r": model.Segment{Included: model.Texts("u")}, "s": malformed("s", 1)}, ids: `["s","r"]`, want: broken},
		{
			name:     "malformed segment inside",
			segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(inSegments("r")))}, "r": malformed("r", 1)},
			ids:      `["s"]`, want: broken,
		},
		{
			name:     "malformed segment inside, negated",
			segments: map[string]any{"s": model.Segment{Rules: segmentRules(clauses(notInSegments("r")))}, "r": malformed("r", 1)},
			ids:      `["s"]`, want: broken,
		},
		{
			name:     "malformed segment that is not asked",
			segments: map[string]any{"s": model.Segment{Included: model.Texts("u"), Rules: segmentRules(clauses(inSegments("r")))}, "r": malformed("r", 1)},
			ids:      `["s"]`, want: yes,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := snapshotWithSegments(map[string]any{
				"in":  newFlag(when(model.Clause{Property: "User is in segment", Value: test.ids})),
				"out": newFlag(when(model.Clause{Property: "User is not in segment", Value: test.ids})),
				// The operator in its own place, as other tools write it.
				"in2": newFlag(when(model.Clause{Property: "ignored", Operator: "User is in segment", Value: test.ids})),
			}, test.segments)
			want := map[string][2]string{yes: {matched, onFallthrough}, no: {onFallthrough, matched}, broken: {failed, failed}}[test.want]
			u := user("u")
			u.Set("age", "18")
			for range 2 {
				if got := answer(s, "in", u); got != want[0] {
					t.Errorf("in the segment: got %s, want %s", got, want[0])
				}
				if got := answer(s, "in2", u); got != want[0] {
					t.Errorf("in the segment by the operator: got %s, want %s", got, want[0])
				}
				if got := answer(s, "out", u); got != want[1] {
					t.Errorf("not in the segment: got %s, want %s", got, want[1])
				}
			}
		})
	}
}

// snapshotWithSegments is for items that do not tell by themselves what they
// are.
func snapshotWithSegments(flags, segments map[string]any) *eval.Snapshot {
	source, _ := newSource()
	u := &store.Update{Full: true}
	add := func(to *[]store.Item, items map[string]any) {
		for key, m := range items {
			if it, ok := m.(store.Item); ok {
				*to = append(*to, it)
			} else {
				*to = append(*to, item(key, 1, m))
			}
		}
	}
	add(&u.Flags, flags)
	add(&u.Segments, segments)
	s, _ := eval.NewSnapshot(source).Apply(u, 0)
	return s
}

// TestManySegments: an evaluation that would practically never end fails.
func TestManySegments(t *testing.T) {
	t.Parallel()
	const depth = 40
	segments := make(map[string]any)
	for i := range depth {
		next := fmt.Sprint(i + 1)
		segments[fmt.Sprint(i)] = model.Segment{Rules: segmentRules(clauses(inSegments(next)), clauses(inSegments(next)), clauses(inSegments(next, next)))}
	}
	segments[fmt.Sprint(depth)] = model.Segment{}
	s := snapshotWithSegments(map[string]any{
		"in": newFlag(when(inSegments("0"))), "out": newFlag(when(notInSegments("0"))), "near": newFlag(when(inSegments(fmt.Sprint(depth - 3)))),
		"dependent": newFlag(requires("in")),
	}, segments)
	for _, key := range []string{"in", "out", "dependent"} {
		if got := answer(s, key, user("u")); got != failed {
			t.Errorf("%s: got %s", key, got)
		}
	}
	if got := answer(s, "near", user("u")); got != onFallthrough {
		t.Errorf("near: got %s", got)
	}
}

// TestLongSegmentChain: a chain may be as long as one of prerequisites.
func TestLongSegmentChain(t *testing.T) {
	t.Parallel()
	const maxDepth = 100
	for length, want := range map[int][2]string{maxDepth: {matched, onFallthrough}, maxDepth + 1: {failed, failed}} {
		segments := make(map[string]any)
		for i := range length - 1 {
			segments[fmt.Sprint(i)] = model.Segment{Rules: segmentRules(clauses(inSegments(fmt.Sprint(i + 1))))}
		}
		segments[fmt.Sprint(length-1)] = model.Segment{Included: model.Texts("u")}
		s := snapshotWithSegments(map[string]any{"f": newFlag(when(inSegments("0")))}, segments)
		for i, key := range []string{"u", "v"} {
			if got := answer(s, "f", user(key)); got != want[i] {
				t.Errorf("%d segments, user %q: got %s, want %s", length, key, got, want[i])
			}
		}
	}
}

// TestBrokenSegmentAndGap: that a rollout has no share for the user does not
// make an evaluation forget that a clause could not be decided.
func TestBrokenSegmentAndGap(t *testing.T) {
	t.Parallel()
	gap := model.Rollout{Shares: []model.Share{{From: 0, To: 0, Variation: special}}}
	isUser := model.Clause{Property: "key", Operator: "Equal", Value: "u"}
	tests := []struct {
		name string
		edit func(*model.Flag)
	}{
		{name: "in a later rule", edit: func(f *model.Flag) {
			f.Rules = append(f.Rules, model.Rule{Clauses: clauses(isUser), Rollout: gap})
		}},
		{name: "in the default rule", edit: func(f *model.Flag) { f.Fallthrough = gap }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source, _ := newSource()
			s, _ := eval.NewSnapshot(source).Apply(&store.Update{
				Full:     true,
				Flags:    []store.Item{item("f", 1, newFlag(when(inSegments("s")), test.edit))},
				Segments: []store.Item{malformed("s", 1)},
			}, 0)
			if got := answer(s, "f", user("u")); got != failed {
				t.Errorf("got %s, want %s", got, failed)
			}
		})
	}
}
