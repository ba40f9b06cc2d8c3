package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Explain is Evaluate with the steps that led to the result. It decides each
// clause, list, share and limit with the code of Evaluate, in the same order.
// The user must be valid and f must come from s.
//
// Compiled items do not have the names in the data, so the items are decoded
// again. If a flag or segment is reached a second time, only its result is
// included. So the size of an explanation is bounded by the data, however often
// an evaluation reaches the same item.
func Explain(s *Snapshot, f *Flag, u *User) Explanation {
	x := explainer{
		evaluation: evaluation{snapshot: s, semantics: f.source.Semantics, user: u},
		source:     f.source,
		flags:      make(map[*Flag]bool),
		segments:   make(map[*Segment]bool),
	}
	e, err := contained(func() (*Explanation, error) {
		e := x.explainFlag(f, nil)
		return &e, nil
	})
	if err != nil { // the application has changed its bytes
		return Explanation{FlagKey: f.Key, Result: Result{Flag: f, Reason: ReasonError}, Cause: Problem{Key: f.Key, Err: err}}
	}
	return *e
}

// explainer is one call of Explain. It counts steps as an evaluation does.
type explainer struct {
	evaluation
	source *Source
	// Items that have been explained or are being explained.
	flags    map[*Flag]bool
	segments map[*Segment]bool
}

func (x *explainer) explainFlag(f *Flag, path *flagPath) Explanation {
	if r, ok := x.flagAgain(f, path); ok {
		return Explanation{FlagKey: f.Key, Result: r}
	}
	out := Explanation{FlagKey: f.Key}
	if out.Cause = x.explainWay(&out, f, path); out.Cause != nil {
		out.Result = x.failure(f)
	}
	return out
}

// flagAgain evaluates a flag that has been explained already. If the flag fails
// this time, deeper in a chain or with fewer steps left, it is explained once
// more: this failure ends the whole evaluation, and the explanation has to show
// where.
func (x *explainer) flagAgain(f *Flag, path *flagPath) (Result, bool) {
	if !x.flags[f] {
		return Result{}, false
	}
	before := x.evaluation
	r, _ := x.flag(f, path, nil)
	if r.Variation == nil {
		x.evaluation = before
	}
	return r, r.Variation != nil
}

// explainWay sets in out what evaluation.flag decides. It returns the error of
// that evaluation.
func (x *explainer) explainWay(out *Explanation, f *Flag, path *flagPath) error {
	switch {
	case f.broken != nil:
		return Problem{Key: f.Key, Err: f.broken}
	case !x.step():
		return Problem{Key: f.Key, Err: errSteps}
	case !f.enabled:
		out.Result = f.constant
		return nil
	}
	x.flags[f] = true
	passed, err := x.explainPrerequisites(out, f, path)
	if err != nil {
		return err
	}
	if !passed {
		out.Result = Result{Flag: f, Variation: f.off, Reason: ReasonPrerequisiteFailed}
		return nil
	}
	return x.explainRules(out, f)
}

var (
	errSteps         = fmt.Errorf("exceeds the limit of %d flags and segments in one evaluation", maxSteps)
	errClauses       = fmt.Errorf("exceeds the limit of %d clauses, rules and shares in one evaluation", maxClauses)
	errChain         = fmt.Errorf("exceeds the limit of %d in a chain of prerequisites", maxDepth)
	errInvalid       = errors.New("the user's attribute is invalid: its value has a type that the platform cannot hold")
	errTargetMissing = errors.New("a target serves a variation that the flag does not have")
)

// explainPrerequisites reports whether all have passed.
func (x *explainer) explainPrerequisites(out *Explanation, f *Flag, path *flagPath) (bool, error) {
	here := &flagPath{flag: f, from: path, depth: 1}
	if path != nil {
		here.depth += path.depth
	}
	for i := range f.prerequisites {
		p := &f.prerequisites[i]
		e := Explanation{FlagKey: p.FlagKey}
		passed := false
		switch other := x.snapshot.Flag(p.FlagKey); {
		case p.FlagKey == f.Key:
			e.Flag, passed = f, true
		case other == nil:
			e.Reason = ReasonFlagNotFound
		case here.has(other):
			e.Result, e.Cause = x.failure(other), Problem{Key: other.Key, Err: here.cycle(other)}
		case here.depth >= maxDepth && !x.limit():
			e.Result, e.Cause = x.failure(other), Problem{Key: other.Key, Err: errChain}
		default:
			e = x.explainFlag(other, here)
			passed = e.Cause == nil && e.Variation.ID == p.VariationID
		}
		out.Prerequisites = append(out.Prerequisites, ExplainedPrerequisite{VariationID: p.VariationID, Passed: passed, Explanation: e})
		if !passed {
			return false, e.Cause
		}
	}
	return true, nil
}

// cycle returns an error with the flags of a cycle: from f, which is on the
// path, to f again.
func (p *flagPath) cycle(f *Flag) error {
	keys := []string{f.Key}
	for ; p.flag != f; p = p.from {
		keys = append(keys, p.flag.Key)
	}
	slices.Reverse(keys)
	return fmt.Errorf("its prerequisites form a cycle: %s, %s", f.Key, strings.Join(keys, ", "))
}

// explainRules sets in out what evaluation.own decides.
func (x *explainer) explainRules(out *Explanation, f *Flag) error {
	if v := f.targets.of(x.user.Key); v != nil {
		if v == missing {
			return Problem{Key: f.Key, Err: errTargetMissing}
		}
		out.Result = Result{Flag: f, Variation: v, Reason: ReasonTargetMatch, Experiment: f.targetExperiment}
		return nil
	}
	item, _ := x.snapshot.Stored(false).Find(f.Key)
	m, err := contained(func() (*model.Flag, error) { return x.source.DecodeFlag(item.Raw) })
	if err != nil {
		return Problem{Key: f.Key, Err: err}
	}
	for i := range f.rules {
		r, from := &f.rules[i], &m.Rules[i]
		matched, clauses, err := x.explainClauses(Problem{Key: f.Key}, i, from.Clauses, r.clauses, nil)
		out.Rules = append(out.Rules, ExplainedRule{ID: r.id, Name: r.name, Matched: matched, Clauses: clauses})
		if err != nil {
			return err
		}
		if !matched {
			continue
		}
		rollout, taken := x.explainRollout(&r.rollout, &from.Rollout)
		if err := x.rolloutError(); err != nil {
			out.Rollout = rollout
			return Problem{Key: f.Key, Err: err}
		}
		if taken == nil && !x.semantics.Strict {
			out.Rules[i].Rollout = rollout
			break
		}
		out.Rollout = rollout
		return x.serve(out, f, fmt.Sprintf("rule %d", i+1), &r.rollout, taken, ReasonRuleMatch)
	}
	rollout, taken := x.explainRollout(&f.fallthrough_, &m.Fallthrough)
	out.Rollout = rollout
	if err := x.rolloutError(); err != nil {
		return Problem{Key: f.Key, Err: err}
	}
	if taken == nil && !x.semantics.Strict {
		out.Result = Result{Flag: f, Variation: f.off, Reason: ReasonFallthrough}
		return nil
	}
	return x.serve(out, f, "its default rule", &f.fallthrough_, taken, ReasonFallthrough)
}

// serve sets the result of a share of a rollout, or returns an error that says
// why there is none.
func (x *explainer) serve(out *Explanation, f *Flag, rule string, ro *rollout, s *share, reason Reason) error {
	switch {
	case s == nil:
		return Problem{Key: f.Key, Err: fmt.Errorf("%s has no share for the user", rule)}
	case s.variation == missing:
		return Problem{Key: f.Key, Err: fmt.Errorf("%s serves a variation that the flag does not have", rule)}
	}
	out.Result = ro.result(f, s, reason, x.user)
	return nil
}

// rolloutError returns why no share of a rollout could be looked for.
func (x *explainer) rolloutError() error {
	switch {
	case x.limited:
		return errClauses
	case x.invalid != nil:
		return fmt.Errorf("the percentages: %w", errInvalid)
	}
	return nil
}

func (x *explainer) explainRollout(ro *rollout, m *model.Rollout) (*ExplainedRollout, *share) {
	taken := ro.share(&x.evaluation)
	out := &ExplainedRollout{Bucket: math.NaN(), BucketBy: "key", UserValue: x.user.Key}
	if ro.of != nil {
		out.UserValue, _ = x.user.lookup(&ro.of.attribute)
		if out.BucketBy = m.BucketBy; Blank(m.BucketBy) {
			out.BucketBy = "keyId"
		}
	}
	switch {
	case ro.whole >= 0 || len(ro.shares) == 0:
	case ro.of == nil:
		out.Bucket = x.user.userBucket()
	default:
		out.Bucket = ro.of.bucket(x.user, false)
	}
	out.Shares = slices.Grow(out.Shares, len(ro.shares))
	for i := range ro.shares {
		s := &ro.shares[i]
		out.Shares = append(out.Shares, ExplainedShare{From: m.Shares[i].From, To: m.Shares[i].To, Variation: s.variation, Taken: s == taken})
	}
	return out, taken
}
