package eval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// TestClauses has what the golden truth table of operators leaves out, because
// the reference SDK crashes there or is right by accident.
func TestClauses(t *testing.T) {
	t.Parallel()
	nine := `["1","2","3","4","5","6","7","8","9"]` // kept as a map
	tests := []struct {
		name      string
		operator  string // its opposite is tested as well, if it has one
		operand   string
		attribute string // "" is a user without it
		want      bool
		// neither: the opposite does not match either.
		neither bool
		report  bool
	}{
		{name: "pattern anywhere", operator: "MatchRegex", operand: "b+", attribute: "abbc", want: true},
		{name: "pattern ignores case", operator: "MatchRegex", operand: "^ABC$", attribute: "aBc", want: true},
		{name: "pattern ignores case of other alphabets", operator: "MatchRegex", operand: "ÉTÉ", attribute: "été", want: true},
		{name: "pattern in itself case-sensitive", operator: "MatchRegex", operand: "(?-i)ABC", attribute: "abc", want: false},
		{name: "pattern with alternatives ignores case in all", operator: "MatchRegex", operand: "abc|DEF", attribute: "xdefx", want: true},
		{name: "pattern without attribute", operator: "MatchRegex", operand: ".*", want: false},
		{name: "pattern that is empty", operator: "MatchRegex", operand: "", attribute: "abc", want: false},
		{name: "pattern that matches nothing", operator: "MatchRegex", operand: "()", attribute: "abc", want: true},
		{name: "pattern and bytes that are no text", operator: "MatchRegex", operand: "^.$", attribute: "\xff", want: true},
		{name: "pattern that does not compile", operator: "MatchRegex", operand: "[a", attribute: "abc", neither: true, report: true},
		{name: "pattern that does not compile, no attribute", operator: "MatchRegex", operand: "[a", neither: true, report: true},
		{name: "pattern with look-ahead", operator: "MatchRegex", operand: "a(?=b)", attribute: "ABC", want: true},
		{name: "pattern with negative look-ahead", operator: "MatchRegex", operand: "a(?!b)", attribute: "abc"},
		{name: "pattern with back-reference", operator: "MatchRegex", operand: `(a)\1`, attribute: "xaA", want: true},
		{name: "pattern that repeats more than Go's engine can", operator: "MatchRegex", operand: "^a{0,1001}$", attribute: "aaa", want: true},
		{name: "pattern and text beyond the limit", operator: "MatchRegex", operand: "a", attribute: strings.Repeat("a", 4097), neither: true},
		{name: "pattern and text at the limit", operator: "MatchRegex", operand: "^a+$", attribute: strings.Repeat("a", 4096), want: true},
		{name: "pattern that backtracks and text beyond the limit", operator: "MatchRegex", operand: "^(?=a)", attribute: strings.Repeat("é", 1025), neither: true},
		{name: "pattern that backtracks and text at the limit", operator: "NotMatchRegex", operand: "^(?=a)", attribute: strings.Repeat("é", 1024), want: true},

		{name: "list", operator: "IsOneOf", operand: `["a","b"]`, attribute: "b", want: true},
		{name: "long list", operator: "IsOneOf", operand: nine, attribute: "9", want: true},
		{name: "long list without it", operator: "IsOneOf", operand: nine, attribute: "10", want: false},
		{name: "list with space", operator: "IsOneOf", operand: " [ \"a\" ,\n\"b\" ] ", attribute: "b", want: true},
		{name: "list with escapes", operator: "IsOneOf", operand: `["\u5f00","\"","\ud83d\ude00"]`, attribute: "😀", want: true},
		{name: "list of one string twice", operator: "IsOneOf", operand: `["a","a"]`, attribute: "a", want: true},
		{name: "list of mixed elements", operator: "IsOneOf", operand: `["a",18,true,null,["b"],{"c":"c"}]`, attribute: "a", want: true},
		{name: "number in the list", operator: "IsOneOf", operand: `["a",18]`, attribute: "18", want: false},
		{name: "truth value in the list", operator: "IsOneOf", operand: `[true]`, attribute: "true", want: false},
		{name: "null in the list", operator: "IsOneOf", operand: `[null]`, attribute: "null", want: false},
		{name: "list in the list", operator: "IsOneOf", operand: `[["b"]]`, attribute: "b", want: false},
		{name: "other case", operator: "IsOneOf", operand: `["A"]`, attribute: "a", want: false},
		{name: "empty string in the list, no attribute", operator: "IsOneOf", operand: `[""]`, want: false},
		{name: "empty list", operator: "IsOneOf", operand: `[]`, attribute: "a", want: false},
		{name: "null", operator: "IsOneOf", operand: `null`, attribute: "null", want: false, report: true},
		{name: "string instead of a list", operator: "IsOneOf", operand: `"abc"`, attribute: "a", want: false, report: true},
		{name: "object instead of a list", operator: "IsOneOf", operand: `{"a":1}`, attribute: "a", want: false, report: true},
		{name: "number instead of a list", operator: "IsOneOf", operand: `1`, attribute: "1", want: false, report: true},
		{name: "text instead of a list", operator: "IsOneOf", operand: `a,b`, attribute: "a", want: false, report: true},
		{name: "list that is not closed", operator: "IsOneOf", operand: `["a"`, attribute: "a", want: false, report: true},
		{name: "list that goes on", operator: "IsOneOf", operand: `["a"]]`, attribute: "a", want: false, report: true},
		{name: "list with a comma too many", operator: "IsOneOf", operand: `["a",]`, attribute: "a", want: false, report: true},
		{name: "no list", operator: "IsOneOf", operand: ``, attribute: "a", want: false, report: true},

		{name: "equal and empty", operator: "Equal", operand: "", want: false},
		{name: "equal and blank", operator: "Equal", operand: " ", attribute: " ", want: true},
		{name: "truth value with other letters", operator: "IsFalse", attribute: "falſe", neither: true},
		{name: "truth value in upper case", operator: "IsTrue", attribute: "TRUE", want: true},
		{name: "truth value with space", operator: "IsTrue", attribute: " true", neither: true},

		{name: "unknown operator", operator: "Matches", operand: "a", attribute: "a", neither: true, report: true},
		{name: "other case of an operator", operator: "equal", operand: "a", attribute: "a", neither: true, report: true},
		{name: "operator with space", operator: "Equal ", operand: "a", attribute: "a", neither: true, report: true},
		{name: "no operator", operator: "", operand: "a", attribute: "a", neither: true, report: true},
		{name: "unknown comparison", operator: "MoreThan", operand: "1", attribute: "2", neither: true, report: true},
		{name: "comparison with text", operator: "BiggerThan", operand: "one", attribute: "2", neither: true, report: true},
		{name: "comparison of text", operator: "BiggerThan", operand: "1", attribute: "two", neither: true},
		{name: "comparison with nothing", operator: "LessThan", operand: "", attribute: "2", neither: true, report: true},
		{name: "comparison with no number", operator: "LessEqualThan", operand: "nan", attribute: "nan", neither: true},
		{name: "comparison of infinities", operator: "BiggerEqualThan", operand: "inf", attribute: "1e400", want: true},
	}
	opposites := map[string]string{"MatchRegex": "NotMatchRegex", "IsOneOf": "NotOneOf", "Equal": "NotEqual"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u := user("u")
			if test.attribute != "" {
				u.Set("attribute", test.attribute)
			}
			check := func(operator string, want bool) {
				s, p := environment(t, map[string]any{"f": newFlag(when(model.Clause{Property: "attribute", Operator: operator, Value: test.operand}))})
				for range 3 {
					if got := answer(s, "f", u) == matched; got != want {
						t.Errorf("%s: got %v, want %v", operator, got, want)
					}
				}
				if list := p.take(); (len(list) == 1) != test.report || len(list) > 1 {
					t.Errorf("%s: reported %v", operator, list)
				}
			}
			check(test.operator, test.want)
			if opposite := opposites[test.operator]; opposite != "" {
				check(opposite, !test.want && !test.neither)
			}
		})
	}
}

// TestEveryOperatorIsEvaluated: of these users, each operator matches some and not
// others, and its negation the others.
func TestEveryOperatorIsEvaluated(t *testing.T) {
	t.Parallel()
	operands := map[model.Operand]string{
		model.NoOperand: "", model.TextOperand: "b", model.PatternOperand: "^b", model.NumberOperand: "2",
		model.ListOperand: `["b"]`, model.SegmentsOperand: `["s"]`,
	}
	users := []string{"a", "b", "1", "2", "3", "true", "false"}
	matches := make(map[model.Relation]string)
	for o := range model.Operators() {
		c := model.Clause{Property: "attribute", Operator: o.Name, Value: operands[o.Operand]}
		if o.Operand == model.SegmentsOperand {
			c = model.Clause{Property: o.Name, Value: c.Value}
		}
		s, p := environment(t, map[string]any{"f": newFlag(when(c)), "s": model.Segment{Included: model.Texts("b")}})
		p.none(t)
		var got string
		for _, name := range users {
			u := user(name)
			u.Set("attribute", name)
			if (answer(s, "f", u) == matched) != o.Negated {
				got += name + " "
			}
		}
		if got == "" || strings.Fields(got)[0] == "a" {
			t.Errorf("%s holds for %q", o.Name, got)
		}
		if first, ok := matches[o.Relation]; ok && first != got {
			t.Errorf("%s negates %q, not %q", o.Name, got, first)
		}
		matches[o.Relation] = got
	}
}

// TestPropertyAsOperator: only segment clauses are written without an operator.
func TestPropertyAsOperator(t *testing.T) {
	t.Parallel()
	// Each would match.
	for property, attribute := range map[string]string{"LessThan": "1", "LessEqualThan": "2", "BiggerThan": "3", "BiggerEqualThan": "2"} {
		u := user("u")
		u.Set(property, attribute)
		s, _ := environment(t, map[string]any{"f": newFlag(when(model.Clause{Property: property, Value: "2"}))})
		if got := answer(s, "f", u); got != onFallthrough {
			t.Errorf("%s: got %s", property, got)
		}
	}
}

// TestRules: the first rule that matches decides, if all its clauses match.
func TestRules(t *testing.T) {
	t.Parallel()
	never := model.Clause{Property: "key", Operator: "Equal", Value: "other"}
	always := model.Clause{Property: "key", Operator: "Equal", Value: "u"}
	tests := []struct {
		name string
		edit func(*model.Flag)
		want string
	}{
		{name: "no clauses", edit: when(), want: onFallthrough},
		{name: "one", edit: when(always), want: matched},
		{name: "all", edit: when(always, always, always), want: matched},
		{name: "last does not match", edit: when(always, never), want: onFallthrough},
		{name: "second rule", edit: func(f *model.Flag) { when(never)(f); when(always)(f) }, want: matched},
		{
			name: "first of two",
			edit: func(f *model.Flag) {
				when(always)(f)
				f.Rules = append(f.Rules, model.Rule{Clauses: clauses(always), Rollout: everybody(off)})
			},
			want: matched,
		},
		{
			name: "target wins",
			edit: func(f *model.Flag) {
				when(always)(f)
				f.Targets = []model.Target{{Keys: model.Texts("x"), Variation: on}, {Keys: model.Texts("y", "u"), Variation: off}, {Keys: model.Texts("u"), Variation: on}}
			},
			want: "off, target match",
		},
		{
			name: "target of many",
			edit: func(f *model.Flag) {
				keys := strings.Split("abcdefghijklmnopq", "")
				f.Targets = []model.Target{{Keys: model.Texts(keys...), Variation: on}, {Keys: model.Texts("u"), Variation: off}, {Keys: model.Texts("u"), Variation: on}}
			},
			want: "off, target match",
		},
		{
			name: "not a target",
			edit: func(f *model.Flag) {
				f.Targets = []model.Target{{Keys: model.Texts("U", "u ", ""), Variation: off}}
			},
			want: onFallthrough,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, p := environment(t, map[string]any{"f": newFlag(test.edit)})
			if got := answer(s, "f", user("u")); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			p.none(t)
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	want := []string{
		"", "flag off", "prerequisite failed", "target match", "rule match", "fall through all rules",
		"error in evaluation", "error in evaluation", "client not ready", "flag not found", "user not specified", "wrong type",
	}
	var got []string
	for r := eval.ReasonNone; r <= eval.ReasonWrongType; r++ {
		got = append(got, r.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
