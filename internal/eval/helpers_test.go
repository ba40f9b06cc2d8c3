package eval_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, 0) }

// problems collects what a Source reports.
type problems struct {
	mu   sync.Mutex
	list []eval.Problem
}

func (p *problems) report(problem eval.Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, problem)
}

// take returns what was reported since the last call.
func (p *problems) take() []eval.Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.list
	p.list = nil
	return list
}

func (p *problems) none(t *testing.T) {
	t.Helper()
	for _, problem := range p.take() {
		t.Errorf("reported: %v", problem)
	}
}

// newSource reads items whose raw form is what encoding/json makes of a model.
func newSource() (*eval.Source, *problems) {
	p := &problems{}
	return &eval.Source{
		Semantics:     eval.Classic(),
		DecodeFlag:    decodeModel[model.Flag],
		DecodeSegment: decodeModel[model.Segment],
		Report:        p.report,
	}, p
}

func decodeModel[T any](raw []byte) (*T, error) {
	var m T
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, errors.New("is malformed")
	}
	return &m, nil
}

func item(key string, version int64, model any) store.Item {
	raw, err := json.Marshal(model)
	if err != nil {
		panic(err)
	}
	return store.Item{Key: key, Version: version, Raw: raw}
}

func archived(key string, version int64) store.Item {
	return store.Item{Key: key, Version: version, Archived: true, Raw: []byte(`{}`)}
}

func malformed(key string, version int64) store.Item {
	return store.Item{Key: key, Version: version, Raw: []byte(`{`)}
}

// everybody is a rollout of one share.
func everybody(variation int) model.Rollout {
	return model.Rollout{Shares: []model.Share{{To: 1, Variation: variation}}}
}

// The variations of newFlag.
const (
	off = iota
	on
	special
)

// newFlag is a flag that serves "on" to everybody, or "off" when it is off.
func newFlag(edits ...func(*model.Flag)) model.Flag {
	f := model.Flag{
		Enabled:     true,
		Variations:  []model.Variation{{ID: "2", Value: "off"}, {ID: "1", Value: "on"}, {ID: "3", Value: "special"}},
		Fallthrough: everybody(on),
	}
	for _, edit := range edits {
		edit(&f)
	}
	return f
}

func disabled(f *model.Flag) { f.Enabled = false }

// served makes a flag serve a value that tells it from others.
func served(value string) func(*model.Flag) {
	return func(f *model.Flag) { f.Variations[on].Value = value }
}

// requires makes other flags prerequisites that have to serve "on".
func requires(keys ...string) func(*model.Flag) {
	return func(f *model.Flag) {
		for _, key := range keys {
			f.Prerequisites = append(f.Prerequisites, model.Prerequisite{FlagKey: key, VariationID: "1"})
		}
	}
}

// when adds a rule that serves "special" to users who match all clauses.
func when(clauses ...model.Clause) func(*model.Flag) {
	return func(f *model.Flag) {
		f.Rules = append(f.Rules, model.Rule{Clauses: clauses, Rollout: everybody(special)})
	}
}

// inSegments and notInSegments are clauses in the form the platform gives them.
func inSegments(ids ...string) model.Clause {
	return model.Clause{Property: "User is in segment", Value: list(ids...)}
}

func notInSegments(ids ...string) model.Clause {
	return model.Clause{Property: "User is not in segment", Value: list(ids...)}
}

func list(texts ...string) string {
	out, _ := json.Marshal(slices.Concat([]string{}, texts))
	return string(out)
}

// environment is a snapshot of a full; versions are the places of the items.
func environment(t testing.TB, items map[string]any) (*eval.Snapshot, *problems) {
	t.Helper()
	source, p := newSource()
	u := &store.Update{Full: true}
	for key, m := range items {
		switch m := m.(type) {
		case model.Flag:
			u.Flags = append(u.Flags, item(key, 1, m))
		case model.Segment:
			u.Segments = append(u.Segments, item(key, 1, m))
		case store.Item:
			u.Flags = append(u.Flags, m)
		default:
			t.Fatalf("%s is a %T", key, m)
		}
	}
	s, _ := eval.NewSnapshot(source).Apply(u, 0)
	return s, p
}

func user(key string) *eval.User { return &eval.User{Key: key} }

// answer evaluates a flag: its value and reason, the reason alone where there
// is no value, or "-" if there is no such flag. Whatever a test evaluates has to
// have an explanation that agrees.
func answer(s *eval.Snapshot, key string, u *eval.User) string {
	text, _ := answerWithTrace(s, key, u)
	return text
}

// evaluated is answer without an explanation.
func evaluated(s *eval.Snapshot, key string, u *eval.User) string {
	r, _ := eval.Evaluate(s, s.Flag(key), u, nil)
	return resultText(r)
}

// answerWithTrace also returns the results of the prerequisites, in order.
func answerWithTrace(s *eval.Snapshot, key string, u *eval.User) (text string, trace []string) {
	f := s.Flag(key)
	if f == nil {
		return "-", nil
	}
	if _, err := explained(s, f, u); err != nil {
		panic(err)
	}
	r, before := eval.Evaluate(s, f, u, nil)
	for _, p := range before {
		trace = append(trace, p.Flag.Key+": "+resultText(p))
	}
	if r.Flag != f {
		return fmt.Sprintf("the result is of %v", r.Flag), trace
	}
	return resultText(r), trace
}

func resultText(r eval.Result) string {
	if r.Variation == nil {
		return r.Reason.String()
	}
	return r.Variation.Value + ", " + r.Reason.String()
}

const (
	onFallthrough = "on, fall through all rules"
	offDisabled   = "off, flag off"
	offFailed     = "off, prerequisite failed"
	matched       = "special, rule match"
	failed        = "error in evaluation"
)
