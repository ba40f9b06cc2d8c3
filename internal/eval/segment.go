package eval

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// Segment is a compiled model.Segment. It is immutable.
type Segment struct {
	excluded, included textSet
	rules              [][]clause
	// broken is the reason why the segment cannot be evaluated.
	broken error
}

func brokenSegment(err error) *Segment { return &Segment{broken: err} }

// compileSegment prepares a segment; see compileFlag for the error.
func (sem *Semantics) compileSegment(m *model.Segment, owner *patternOwner) (*Segment, error) {
	s := &Segment{
		excluded: newTextSet(m.Excluded),
		included: newTextSet(m.Included),
		rules:    make([][]clause, len(m.Rules)),
	}
	var problems problemList
	for i := range m.Rules {
		clauses, err := sem.compileClauses(m.Rules[i].Clauses, owner)
		if err != nil {
			problems.add("rule %d: %w", i+1, err)
		}
		s.rules[i] = clauses
	}
	return s, problems.join()
}

// segmentPath is the path from a flag's clause to a segment, through the
// segments whose rules refer to the next.
type segmentPath struct {
	segment *Segment
	from    *segmentPath
	depth   int
}

func (p *segmentPath) has(s *Segment) bool {
	for ; p != nil; p = p.from {
		if p.segment == s {
			return true
		}
	}
	return false
}

// segmentID is the id of a segment and its hash, as clauses keep it.
type segmentID struct {
	id   string
	hash uint64 // of the id
}

func segmentIDs(list model.List) []segmentID {
	ids := make([]segmentID, list.Len())
	for i := range ids {
		id := list.At(i)
		ids[i] = segmentID{id, store.Hash(id)}
	}
	return ids
}

// inAny reports whether some segment of the list has the user.
func (e *evaluation) inAny(ids []segmentID, path *segmentPath) bool {
	for i := range ids {
		if !e.spend(1) {
			return false
		}
		if e.inSegment(&ids[i], path) {
			return true
		}
		if e.failed { // the first failure is the one to report
			return false
		}
	}
	return false
}

// inSegment follows protocol reference, section 6.7: an unknown segment has no
// users, unless the semantics are strict. A segment that is reached again through
// its own rules has no users.
func (e *evaluation) inSegment(id *segmentID, path *segmentPath) bool {
	s := e.snapshot.Segment(id.hash, id.id)
	if s == nil || path.has(s) {
		e.failed = e.failed || s == nil && e.semantics.Strict
		return false
	}
	here := segmentPath{segment: s, from: path, depth: 1}
	if path != nil {
		here.depth += path.depth
	}
	if s.broken != nil || here.depth > maxDepth && !e.limit() || !e.step() {
		e.failed = true
		return false
	}
	if s.excluded.has(e.user.Key) {
		return false
	}
	if s.included.has(e.user.Key) {
		return true
	}
	for _, clauses := range s.rules {
		if e.spend(ruleCost(clauses)) && e.all(clauses, &here) {
			return true
		}
		if e.failed {
			return false
		}
	}
	return false
}
