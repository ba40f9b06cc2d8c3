package eval

import (
	"errors"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// explainSegments is evaluation.inAny with an explanation.
func (x *explainer) explainSegments(ids []segmentID, path *segmentPath) (in bool, out []ExplainedSegment, err error) {
	for i := range ids {
		if !x.spend(1) {
			return false, out, Problem{Segment: true, Key: ids[i].id, Err: errClauses}
		}
		s, err := x.explainSegment(&ids[i], path)
		out = append(out, s)
		if s.Member || err != nil {
			return s.Member, out, err
		}
	}
	return false, out, nil
}

var (
	errUnknownSegment = errors.New("does not exist in the environment")
	errSegmentChain   = fmt.Errorf("exceeds the limit of %d in a chain of segments", maxDepth)
)

// explainSegment is evaluation.inSegment with an explanation.
func (x *explainer) explainSegment(id *segmentID, path *segmentPath) (out ExplainedSegment, err error) {
	fail := func(by Membership, err error) (ExplainedSegment, error) {
		return ExplainedSegment{ID: id.id, By: by}, Problem{Segment: true, Key: id.id, Err: err}
	}
	out.ID = id.id
	s := x.snapshot.Segment(id.hash, id.id)
	switch {
	case s == nil && x.semantics.Strict:
		return fail(MembershipUnknown, errUnknownSegment)
	case s == nil:
		out.By = MembershipUnknown
		return out, nil
	case path.has(s):
		out.By = MembershipCycle
		return out, nil
	case s.broken != nil:
		return fail(MembershipMalformed, s.broken)
	}
	if out, ok := x.segmentAgain(s, id, path); ok {
		return out, nil
	}
	here := &segmentPath{segment: s, from: path, depth: 1}
	if path != nil {
		here.depth += path.depth
	}
	switch {
	case here.depth > maxDepth && !x.limit():
		return fail(MembershipLimit, errSegmentChain)
	case !x.step():
		return fail(MembershipLimit, errSteps)
	}
	x.segments[s] = true
	if out.By = s.listed(x.user); out.By != MembershipNoRule {
		out.Member = out.By == MembershipIncluded
		return out, nil
	}
	item, _ := x.snapshot.Stored(true).Find(id.id)
	m, err := contained(func() (*model.Segment, error) {
		return x.source.DecodeSegment(item.Raw)
	})
	if err != nil {
		return fail(MembershipMalformed, err)
	}
	for i, clauses := range s.rules {
		matched, explained, err := x.explainClauses(Problem{Segment: true, Key: id.id}, i, m.Rules[i].Clauses, clauses, here)
		out.Rules = append(out.Rules, ExplainedRule{Matched: matched, Clauses: explained})
		switch {
		case err != nil:
			out.By = MembershipError
			return out, err
		case matched:
			out.Member, out.By = true, MembershipRule
			return out, nil
		}
	}
	return out, nil
}

// listed returns which list of the segment has the user, or MembershipNoRule if
// no list has.
func (s *Segment) listed(u *User) Membership {
	switch {
	case s.excluded.has(u.Key):
		return MembershipExcluded
	case s.included.has(u.Key):
		return MembershipIncluded
	}
	return MembershipNoRule
}

// segmentAgain is flagAgain for segments. It evaluates the segment again,
// because with cycles the result depends on the path.
func (x *explainer) segmentAgain(s *Segment, id *segmentID, path *segmentPath) (ExplainedSegment, bool) {
	if !x.segments[s] {
		return ExplainedSegment{}, false
	}
	before := x.evaluation
	out := ExplainedSegment{ID: id.id, Member: x.inSegment(id, path), By: s.listed(x.user)}
	if x.failed {
		x.evaluation = before
		return ExplainedSegment{}, false
	}
	if out.By == MembershipNoRule {
		out.By = MembershipRepeated
	}
	return out, true
}
