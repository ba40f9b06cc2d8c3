package eval_test

import (
	"math/rand/v2"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// dice makes choices of bytes; when there are none left it chooses the first.
type dice []byte

func (d *dice) below(n int) int {
	if len(*d) == 0 {
		return 0
	}
	b := (*d)[0]
	*d = (*d)[1:]
	return int(b) % n
}

func pick[T any](d *dice, list ...T) T { return list[d.below(len(list))] }

// seldom chooses the second once in a while. With more of what is malformed
// hardly an evaluation would get anywhere.
func seldom[T any](d *dice, usual, odd T) T {
	if d.below(40) == 39 {
		return odd
	}
	return usual
}

// several returns up to most things.
func several[T any](d *dice, most int, make func() T) (list []T) {
	for range d.below(most + 1) {
		list = append(list, make())
	}
	return list
}

// environment is one in which everything leads to everything.
func (d *dice) environment(value string) map[string]any {
	items := make(map[string]any)
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		items[key] = d.flag(value)
		if other := seldom(d, "", key); other != "" {
			items[key] = pick(d, malformed(key, 1), archived(key, 1))
		}
	}
	for _, id := range []string{"p", "q", "r", "s"} {
		items[id] = d.segment(value)
	}
	return items
}

func (d *dice) flag(value string) model.Flag {
	return model.Flag{
		Enabled:    d.below(8) < 7,
		Off:        seldom(d, 0, 3),
		Variations: []model.Variation{{ID: "1", Value: "one"}, {ID: "2", Value: value}, {ID: "3", Value: "3"}},
		Prerequisites: several(d, 2, func() model.Prerequisite {
			return model.Prerequisite{FlagKey: pick(d, "a", "b", "c", "d", "e", "f"), VariationID: pick(d, "1", "2", "3")}
		}),
		Targets: several(d, seldom(d, 0, 2), func() model.Target {
			return model.Target{Keys: model.Texts(several(d, 9, func() string { return pick(d, value, "u", "v") })...), Variation: d.variation()}
		}),
		Rules: several(d, 3, func() model.Rule {
			return model.Rule{ID: "id", Name: value, Clauses: d.clauses(value), Rollout: d.rollout(value)}
		}),
		Fallthrough:   d.rollout(value),
		ExperimentAll: pick(d, model.Unset, model.No, model.Yes),
	}
}

func (d *dice) variation() int { return seldom(d, d.below(3), model.Missing) }

func (d *dice) rollout(value string) model.Rollout {
	bounds := []float64{0, 1, 0.5, 0.25, 0.75, 0.999995, 2}
	return model.Rollout{
		BucketBy:   pick(d, "", "plan", "name", value),
		Experiment: pick(d, model.Unset, model.No, model.Yes),
		Shares: several(d, 3, func() model.Share {
			s := model.Share{To: 1, Variation: d.variation()}
			if d.below(2) == 1 {
				s.From, s.To = pick(d, bounds...), pick(d, bounds...)
			}
			if d.below(2) == 1 {
				s.Experiment = new(pick(d, bounds...))
			}
			return s
		}),
	}
}

func (d *dice) segment(value string) model.Segment {
	keys := func() string { return pick(d, "v", "u", "w", value) }
	return model.Segment{
		Included: model.Texts(several(d, 2, keys)...),
		Excluded: model.Texts(several(d, 1, keys)...),
		Rules:    several(d, 2, func() model.SegmentRule { return model.SegmentRule{Clauses: d.clauses(value)} }),
	}
}

func (d *dice) clauses(value string) []model.Clause {
	return several(d, 2, func() model.Clause {
		if d.below(2) == 1 {
			return model.Clause{
				Property: pick(d, "User is in segment", "User is not in segment"), Operator: pick(d, "", "Equal"),
				Value: pick(d, `["p"]`, `["q","r"]`, `["s"]`, `["r","s","p"]`, `[]`, seldom(d, `["q","s"]`, value), seldom(d, `["r"]`, `["gone"]`)),
			}
		}
		return model.Clause{
			Property: pick(d, "key", "keyId", "name", "plan", "Email", "IsTrue"),
			Operator: pick(d, "NotEqual", "Equal", "NotContain", "StartsWith", "Contains", "NotContain", "StartsWith", "EndsWith", "IsOneOf", "NotOneOf", "IsTrue", "IsFalse",
				"MatchRegex", "NotMatchRegex", "LessThan", "LessEqualThan", "BiggerThan", "BiggerEqualThan", "User is in segment", "", "Resembles"),
			Value:     pick(d, `["u","18"]`, `["v","20"]`, seldom(d, "18", value), seldom(d, "", "(")),
			Malformed: seldom(d, "", "cannot be decided"),
		}
	})
}

// checkEnvironment explains every flag of an environment that is made of bytes.
func checkEnvironment(t *testing.T, choices []byte, value string, strict bool) {
	t.Helper()
	d := dice(choices)
	s := environmentOf(t, strict, d.environment(value))
	u := &eval.User{Key: pick(&d, "u", "v", "w") + pick(&d, "", value), Name: value, Custom: []eval.CustomAttribute{{Name: "plan", Value: value}}}
	if name := pick(&d, "", "", "plan", "Email"); name != "" {
		u.SetInvalid(name)
		u.Custom = nil
	}
	for _, key := range s.Keys() {
		if _, err := explained(s, s.Flag(key), u); err != nil {
			t.Errorf("strict %v: %v", strict, err)
		}
	}
}

// FuzzExplain holds explanations against evaluations, in environments that are
// made of the bytes.
func FuzzExplain(f *testing.F) {
	for _, value := range []string{"", "18", "u", "true"} {
		f.Add([]byte(value), value, false)
		f.Add([]byte("\x00\x01\x00\x02\x01\x02\x01\x00\x01\x03\x01\x02\x02\x01"), value, true)
	}
	f.Fuzz(func(t *testing.T, choices []byte, value string, strict bool) {
		checkEnvironment(t, choices, value, strict)
	})
}

// TestExplainsLikeEvaluate is FuzzExplain for bytes by chance, so that each run
// sees many environments.
func TestExplainsLikeEvaluate(t *testing.T) {
	t.Parallel()
	const seed = 20260101
	random := rand.New(rand.NewPCG(seed, seed))
	environments := 500
	if testkit.All() {
		environments = 2000
	}
	for i := range environments {
		choices := make([]byte, 1200)
		for j := range choices {
			choices[j] = byte(random.Uint32())
		}
		checkEnvironment(t, choices, pick((*dice)(&choices), "", "18", "u", "true", "v.x"), i%2 == 1)
		if t.Failed() {
			t.Fatalf("environment %d of seed %d", i, seed)
		}
	}
}
