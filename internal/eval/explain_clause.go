package eval

import (
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// explainClauses is evaluation.all with an explanation. The error is for a
// clause that cannot be decided; owner and rule say in errors where the clauses
// are.
func (x *explainer) explainClauses(owner Problem, rule int, m []model.Clause, clauses []clause, path *segmentPath) (matched bool, out []ExplainedClause, err error) {
	if !x.spend(ruleCost(clauses)) {
		owner.Err = errClauses
		return false, nil, owner
	}
	if len(clauses) == 0 {
		return !x.semantics.EmptyRuleNeverMatches, nil, nil
	}
	for i := range clauses {
		c, err := x.explainClause(&m[i], &clauses[i], path)
		out = append(out, c)
		if err == errInvalid || err != nil && clauses[i].undecided {
			owner.Err = fmt.Errorf("rule %d: clause %d (operator %q): %w", rule+1, i+1, m[i].Operator, err)
			err = owner
		}
		if !c.Matched {
			return false, out, err
		}
	}
	return true, out, nil
}

func (x *explainer) explainClause(m *model.Clause, c *clause, path *segmentPath) (out ExplainedClause, err error) {
	out = ExplainedClause{Attribute: m.Property, Operator: m.Operator, Operand: m.Value}
	out.Problem = c.problem()
	o := x.semantics.operator(m)
	if o.Name != "" && o.Name == m.Property {
		out.Operator = m.Property
	}
	if o.Operand == model.SegmentsOperand {
		out.Attribute = ""
	} else {
		out.UserValue, out.Present = x.user.lookup(&c.attribute)
	}
	switch {
	case c.undecided:
		err = out.Problem
	case c.relation == model.IsInSegment:
		var in bool
		in, out.Segments, err = x.explainSegments(c.segments, path)
		out.Matched = err == nil && in != c.negate
	default:
		var decided bool
		out.Matched, decided = x.matches(c)
		switch {
		case x.limited:
			err = errClauses
		case x.invalid != nil:
			out.Problem, err = errInvalid, errInvalid
		case !decided:
			out.Problem = errUndecided
		}
	}
	return out, err
}
