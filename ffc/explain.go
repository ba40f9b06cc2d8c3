package ffc

import (
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Explain evaluates a flag as VariationDetail does and returns the reasons for its
// value: prerequisites, rules and their conditions, segments, and the user's
// bucket in a rollout. Print the Explanation, or marshal it as JSON. It explains
// the platform's data, so it does not use Config.Fallbacks.
//
// Explain records no event and does not call Config.OnEvaluation. It does not
// block, do I/O or panic, but takes much longer than an evaluation and allocates:
// use it to debug. It may be called concurrently, before the client is ready and
// after it is closed.
func (c *Client) Explain(key string, user User) Explanation {
	v := c.current()
	flag, reason := v.find(key, user)
	if flag == nil {
		return newExplanation(&eval.Explanation{FlagKey: key, Result: eval.Result{Reason: reason}})
	}
	e := eval.Explain(v.snapshot, flag, user.u)
	return newExplanation(&e)
}

func newExplanation(e *eval.Explanation) Explanation {
	out := Explanation{
		FlagKey:       e.FlagKey,
		Reason:        Reason(e.Reason.String()),
		Err:           resultError(&e.Result, kindString),
		Experiment:    e.Experiment,
		Prerequisites: mapped(e.Prerequisites, explainedPrerequisite),
		Rules:         mapped(e.Rules, explainedRule),
		Rollout:       explainedRollout(e.Rollout),
	}
	if e.Cause != nil {
		out.Err = fmt.Errorf("%w: %w", out.Err, e.Cause)
	}
	if e.Flag != nil {
		out.FlagName = e.Flag.Name
	}
	if e.Variation != nil {
		out.Value, out.VariationID = e.Variation.Value, e.Variation.ID
	}
	return out
}

func explainedPrerequisite(p *eval.ExplainedPrerequisite) ExplainedPrerequisite {
	return ExplainedPrerequisite{VariationID: p.VariationID, Passed: p.Passed, Explanation: newExplanation(&p.Explanation)}
}

func explainedRule(r *eval.ExplainedRule) ExplainedRule {
	return ExplainedRule{ID: r.ID, Name: r.Name, Matched: r.Matched, Clauses: mapped(r.Clauses, explainedClause), Rollout: explainedRollout(r.Rollout)}
}

func explainedClause(c *eval.ExplainedClause) ExplainedClause {
	out := ExplainedClause{
		Attribute: c.Attribute, Operator: c.Operator, Operand: c.Operand,
		UserValue: c.UserValue, Present: c.Present, Matched: c.Matched,
		Segments: mapped(c.Segments, explainedSegment),
	}
	if c.Problem != nil {
		out.Problem = c.Problem.Error()
	}
	return out
}

func explainedSegment(s *eval.ExplainedSegment) ExplainedSegment {
	return ExplainedSegment{ID: s.ID, Member: s.Member, By: string(s.By), Rules: mapped(s.Rules, explainedRule)}
}

func explainedRollout(ro *eval.ExplainedRollout) *ExplainedRollout {
	if ro == nil {
		return nil
	}
	return &ExplainedRollout{Bucket: ro.Bucket, BucketBy: ro.BucketBy, UserValue: ro.UserValue, Shares: mapped(ro.Shares, explainedShare)}
}

func explainedShare(s *eval.ExplainedShare) ExplainedShare {
	return ExplainedShare{From: s.From, To: s.To, VariationID: s.Variation.ID, Value: s.Variation.Value, Taken: s.Taken}
}

// mapped applies f to each element. The result is never nil, so that its JSON is
// never null.
func mapped[S, T any](list []S, f func(*S) T) []T {
	out := make([]T, len(list))
	for i := range list {
		out[i] = f(&list[i])
	}
	return out
}
