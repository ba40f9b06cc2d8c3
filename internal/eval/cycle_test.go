package eval_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// expects is a prerequisite on a variation other than "on".
func expects(key, id string) func(*model.Flag) {
	return func(f *model.Flag) {
		f.Prerequisites = append(f.Prerequisites, model.Prerequisite{FlagKey: key, VariationID: id})
	}
}

// TestPrerequisites follows protocol reference, section 6.2.
func TestPrerequisites(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		flags map[string]any // the one that is asked for is "a"
		want  string
		trace []string
	}{
		{
			name:  "passed",
			flags: map[string]any{"a": newFlag(requires("b")), "b": newFlag()},
			want:  onFallthrough, trace: []string{"b: " + onFallthrough},
		},
		{
			name:  "another variation",
			flags: map[string]any{"a": newFlag(expects("b", "3")), "b": newFlag()},
			want:  offFailed, trace: []string{"b: " + onFallthrough},
		},
		{
			name:  "first failure ends it",
			flags: map[string]any{"a": newFlag(requires("b", "c", "d")), "b": newFlag(), "c": newFlag(disabled), "d": newFlag()},
			want:  offFailed, trace: []string{"b: " + onFallthrough, "c: " + offDisabled},
		},
		{
			name:  "failed one is recorded with its own",
			flags: map[string]any{"a": newFlag(requires("b")), "b": newFlag(requires("c")), "c": newFlag(disabled)},
			want:  offFailed, trace: []string{"c: " + offDisabled, "b: " + offFailed},
		},
		{
			name:  "one that is off may serve what is expected",
			flags: map[string]any{"a": newFlag(expects("b", "2")), "b": newFlag(disabled)},
			want:  onFallthrough, trace: []string{"b: " + offDisabled},
		},
		{
			name:  "one that failed may serve what is expected",
			flags: map[string]any{"a": newFlag(expects("b", "2")), "b": newFlag(requires("gone"))},
			want:  onFallthrough, trace: []string{"b: " + offFailed},
		},
		{
			name:  "rules of the prerequisite count",
			flags: map[string]any{"a": newFlag(expects("b", "3")), "b": newFlag(when(model.Clause{Property: "key", Operator: "Equal", Value: "u"}))},
			want:  onFallthrough, trace: []string{"b: " + matched},
		},
		{
			name:  "flag that is off does not look at them",
			flags: map[string]any{"a": newFlag(disabled, requires("b", "a", "gone")), "b": newFlag()},
			want:  offDisabled,
		},
		{name: "missing", flags: map[string]any{"a": newFlag(requires("gone"))}, want: offFailed},
		{name: "archived", flags: map[string]any{"a": newFlag(requires("b")), "b": archived("b", 1)}, want: offFailed},
		{
			name:  "missing after one that passed",
			flags: map[string]any{"a": newFlag(requires("b", "gone", "b")), "b": newFlag()},
			want:  offFailed, trace: []string{"b: " + onFallthrough},
		},
		{name: "broken", flags: map[string]any{"a": newFlag(requires("b")), "b": malformed("b", 1)}, want: failed},
		{
			name:  "broken behind one that failed",
			flags: map[string]any{"a": newFlag(requires("b", "c")), "b": newFlag(disabled), "c": malformed("c", 1)},
			want:  offFailed, trace: []string{"b: " + offDisabled},
		},

		{name: "itself", flags: map[string]any{"a": newFlag(requires("a"))}, want: onFallthrough},
		{name: "itself with another variation", flags: map[string]any{"a": newFlag(expects("a", "9"))}, want: onFallthrough},
		{
			name:  "itself and another",
			flags: map[string]any{"a": newFlag(requires("a", "b")), "b": newFlag(requires("b"))},
			want:  onFallthrough, trace: []string{"b: " + onFallthrough},
		},
		{name: "cycle of two", flags: map[string]any{"a": newFlag(requires("b")), "b": newFlag(requires("a"))}, want: failed},
		{
			name:  "cycle of three",
			flags: map[string]any{"a": newFlag(requires("b")), "b": newFlag(requires("c")), "c": newFlag(requires("a"))},
			want:  failed,
		},
		{
			name:  "way into a cycle",
			flags: map[string]any{"a": newFlag(requires("b")), "b": newFlag(requires("c")), "c": newFlag(requires("b"))},
			want:  failed,
		},
		{
			name:  "cycle behind one that passed",
			flags: map[string]any{"a": newFlag(requires("d", "b")), "b": newFlag(requires("a")), "d": newFlag()},
			want:  failed, trace: []string{"d: " + onFallthrough},
		},
		{
			name:  "cycle cut by a flag that is off",
			flags: map[string]any{"a": newFlag(expects("b", "2")), "b": newFlag(disabled, requires("a"))},
			want:  onFallthrough, trace: []string{"b: " + offDisabled},
		},
		{
			name:  "cycle cut by an earlier failure",
			flags: map[string]any{"a": newFlag(requires("b")), "b": newFlag(requires("gone", "a"))},
			want:  offFailed, trace: []string{"b: " + offFailed},
		},
		{
			name:  "cycle behind an earlier failure",
			flags: map[string]any{"a": newFlag(requires("d", "b")), "b": newFlag(requires("a")), "d": newFlag(disabled)},
			want:  offFailed, trace: []string{"d: " + offDisabled},
		},
		{
			name: "diamond is no cycle, and is recorded twice",
			flags: map[string]any{
				"a": newFlag(requires("b", "c")), "b": newFlag(requires("d")), "c": newFlag(requires("d")), "d": newFlag(),
			},
			want:  onFallthrough,
			trace: []string{"d: " + onFallthrough, "b: " + onFallthrough, "d: " + onFallthrough, "c: " + onFallthrough},
		},
		{
			name:  "the same twice",
			flags: map[string]any{"a": newFlag(requires("b", "b")), "b": newFlag()},
			want:  onFallthrough, trace: []string{"b: " + onFallthrough, "b: " + onFallthrough},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := environment(t, test.flags)
			for range 2 {
				got, trace := answerWithTrace(s, "a", user("u"))
				if got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
				if !slices.Equal(trace, test.trace) {
					t.Errorf("trace %q, want %q", trace, test.trace)
				}
			}
		})
	}
}

// TestTraceIsAppended: what the caller's slice holds stays before it.
func TestTraceIsAppended(t *testing.T) {
	t.Parallel()
	s, _ := environment(t, map[string]any{"a": newFlag(requires("b")), "b": newFlag()})
	before := []eval.Result{{Reason: eval.ReasonNotReady}}
	_, trace := eval.Evaluate(s, s.Flag("a"), user("u"), before)
	if len(trace) != 2 || trace[0] != before[0] || trace[1].Flag != s.Flag("b") {
		t.Errorf("got %+v", trace)
	}
}

// chain is flags 0 to length-1, each of which requires the next.
func chain(length int) map[string]any {
	flags := make(map[string]any, length)
	for i := range length {
		f := newFlag()
		if i < length-1 {
			f = newFlag(requires(fmt.Sprint(i + 1)))
		}
		flags[fmt.Sprint(i)] = f
	}
	return flags
}

func TestLongChains(t *testing.T) {
	t.Parallel()
	const limit = 100
	tests := []struct {
		name   string
		length int
		want   string
	}{
		{name: "half", length: limit / 2, want: onFallthrough},
		{name: "limit", length: limit, want: onFallthrough},
		{name: "above", length: limit + 1, want: failed},
		{name: "far above", length: 5000, want: failed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, _ := environment(t, chain(test.length))
			got, trace := answerWithTrace(s, "0", user("u"))
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if test.want == onFallthrough && len(trace) != test.length-1 {
				t.Errorf("%d in the trace", len(trace))
			}
			// The end of the chain is not concerned.
			if got := answer(s, fmt.Sprint(test.length-2), user("u")); got != onFallthrough {
				t.Errorf("the last but one: %s", got)
			}
		})
	}
}

// TestExponentialDiamond: each flag requires the next one twice, so that the
// last would be evaluated 2^40 times.
func TestExponentialDiamond(t *testing.T) {
	t.Parallel()
	flags := chain(41)
	for key, f := range flags {
		f := f.(model.Flag)
		f.Prerequisites = append(f.Prerequisites, f.Prerequisites...)
		flags[key] = f
	}
	s, _ := environment(t, flags)
	if got := answer(s, "0", user("u")); got != failed {
		t.Errorf("got %s", got)
	}
	// Near the end there is little to evaluate.
	if got := answer(s, "35", user("u")); got != onFallthrough {
		t.Errorf("got %s", got)
	}
}
