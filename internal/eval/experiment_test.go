package eval_test

import (
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// TestExperiment is the table of protocol reference, section 6.8. The user's
// bucket is 0.6519, that of the experiment 0.0460.
func TestExperiment(t *testing.T) {
	t.Parallel()
	const experimentBucket = 0.04604835156351328
	number := func(f float64) *float64 { return &f }
	tests := []struct {
		name     string
		all      model.Tri
		included model.Tri
		share    *float64
		from, to float64
		want     bool
	}{
		{name: "all unset", included: model.No, share: number(0), from: .5, to: 1, want: true},
		{name: "all", all: model.Yes, included: model.No, share: number(0), from: .5, to: 1, want: true},
		{name: "not all, included unset", all: model.No, share: number(0), from: .5, to: 1, want: true},
		{name: "not all, share unset", all: model.No, included: model.No, from: .5, to: 1, want: true},
		{name: "not included", all: model.No, included: model.No, share: number(1), from: .5, to: 1},
		{name: "not included, everybody", all: model.No, included: model.No, share: number(1), to: 1},
		{name: "no share", all: model.No, included: model.Yes, share: number(0), from: .5, to: 1},
		{name: "no share, everybody", all: model.No, included: model.Yes, share: number(0), to: 1},
		{name: "whole share", all: model.No, included: model.Yes, share: number(.5), from: .5, to: 1, want: true},
		{name: "more than the share", all: model.No, included: model.Yes, share: number(1), from: .5, to: 1, want: true},
		{name: "everybody", all: model.No, included: model.Yes, share: number(1), to: 1, want: true},
		{name: "part with the user", all: model.No, included: model.Yes, share: number(.05), from: .5, to: 1, want: true},
		{name: "part without the user", all: model.No, included: model.Yes, share: number(.02), from: .5, to: 1},
		{name: "part of everybody with the user", all: model.No, included: model.Yes, share: number(.05), to: 1, want: true},
		{name: "part of everybody without the user", all: model.No, included: model.Yes, share: number(.04), to: 1},
		{name: "the end of the part is outside", all: model.No, included: model.Yes, share: number(experimentBucket), to: 1},
		{name: "negative part", all: model.No, included: model.Yes, share: number(-1), from: .5, to: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rollout := model.Rollout{Shares: []model.Share{{From: test.from, To: test.to, Variation: on, Experiment: test.share}}, Experiment: test.included}
			edit := func(f *model.Flag) {
				f.ExperimentAll = test.all
				f.Fallthrough = rollout
			}
			rule := func(f *model.Flag) {
				f.ExperimentAll = test.all
				f.Rules = []model.Rule{{Clauses: clauses(model.Clause{Property: "key", Operator: "NotEqual", Value: "x"}), Rollout: rollout}}
				f.Fallthrough = model.Rollout{} // must not be what decides
			}
			s, _ := environment(t, map[string]any{"default": newFlag(edit), "rule": newFlag(rule)})
			for _, key := range []string{"default", "rule"} {
				r, _ := eval.Evaluate(s, s.Flag(key), user(mid), nil)
				if r.Variation.Value != "on" || r.Experiment != test.want {
					t.Errorf("%s: got %s, %v; want %v", key, resultText(r), r.Experiment, test.want)
				}
			}
		})
	}
}

// TestExperimentOfOthers: what does not come from a rollout follows the flag's
// own switch, or never counts.
func TestExperimentOfOthers(t *testing.T) {
	t.Parallel()
	target := func(f *model.Flag) { f.Targets = []model.Target{{Keys: model.Texts(mid), Variation: on}} }
	for all, want := range map[model.Tri]bool{model.Unset: true, model.Yes: true, model.No: false} {
		t.Run(fmt.Sprint(all), func(t *testing.T) {
			t.Parallel()
			set := func(f *model.Flag) {
				f.ExperimentAll = all
				f.Fallthrough.Experiment = model.Yes
			}
			s, _ := environment(t, map[string]any{
				"target": newFlag(set, target), "off": newFlag(set, target, disabled), "failed": newFlag(set, target, requires("gone")),
			})
			for key, want := range map[string]bool{"target": want, "off": false, "failed": false} {
				if r, _ := eval.Evaluate(s, s.Flag(key), user(mid), nil); r.Experiment != want {
					t.Errorf("%s: got %s, %v", key, resultText(r), r.Experiment)
				}
			}
		})
	}
}
