package eval

import (
	"bytes"
	"maps"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// references are the keys of what an item's evaluation looks at.
type references struct {
	flags, segments []string
}

// Affected returns, sorted, the keys of all flags whose evaluation a change
// may have altered: the changed flags, those that use a changed segment, and
// those that have one of these as a prerequisite.
//
// It looks only at items that refer to others, at each of their references a few
// times, and compiles none.
func (s *Snapshot) Affected(c Change) []string {
	segments := setOf(c.Segments)
	grow(segments, s.segments.referring, func(e *entry[Segment]) []string { return s.source.segmentReferences(e).segments })
	flags := setOf(c.Flags)
	if len(segments) > 0 {
		for _, e := range s.flags.referring {
			if anyIn(s.source.flagReferences(e).segments, segments) {
				flags[e.Key] = struct{}{}
			}
		}
	}
	grow(flags, s.flags.referring, func(e *entry[Flag]) []string { return s.source.flagReferences(e).flags })
	return slices.Sorted(maps.Keys(flags))
}

// plainPasses is how often grow looks at all entries before it turns their
// references round. Chains are mostly short, and turning round allocates.
const plainPasses = 4

// grow adds the keys of the entries that refer to a key of the set, and of those
// that refer to them, and so on.
func grow[T any](set map[string]struct{}, entries []*entry[T], references func(*entry[T]) []string) {
	if len(set) == 0 {
		return
	}
	for range plainPasses {
		grown := false
		for _, e := range entries {
			if _, ok := set[e.Key]; !ok && anyIn(references(e), set) {
				set[e.Key] = struct{}{}
				grown = true
			}
		}
		if !grown {
			return
		}
	}
	// A pass for each step of a long chain would take quadratic time.
	referring := make(map[string][]string, len(entries))
	for _, e := range entries {
		if _, ok := set[e.Key]; !ok {
			for _, key := range references(e) {
				referring[key] = append(referring[key], e.Key)
			}
		}
	}
	for found := slices.Collect(maps.Keys(set)); len(found) > 0; {
		key := found[len(found)-1]
		found = found[:len(found)-1]
		for _, e := range referring[key] {
			if _, ok := set[e]; !ok {
				set[e] = struct{}{}
				found = append(found, e)
			}
		}
	}
}

// flagReferences decodes a flag that is not compiled, as compiling all would
// take much more time and memory.
func (s *Source) flagReferences(e *entry[Flag]) *references {
	return e.references(func() (*references, error) {
		m, err := s.DecodeFlag(e.Raw)
		if err != nil {
			return nil, err
		}
		return s.Rules.referencesOfFlag(m), nil
	})
}

// segmentReferences is to segments what flagReferences is to flags.
func (s *Source) segmentReferences(e *entry[Segment]) *references {
	return e.references(func() (*references, error) {
		m, err := s.DecodeSegment(e.Raw)
		if err != nil {
			return nil, err
		}
		return s.Rules.referencesOfSegment(m), nil
	})
}

// references returns what e refers to, which is read once: nothing, if it
// cannot be read.
func (e *entry[T]) references(read func() (*references, error)) *references {
	if r := e.refers.Load(); r != nil {
		return r
	}
	r, err := contained(read)
	if err != nil {
		r = &references{}
	}
	e.refers.Store(r)
	return r
}

func (r *Rules) referencesOfFlag(m *model.Flag) *references {
	refs := &references{}
	for i := range m.Prerequisites {
		refs.flags = append(refs.flags, m.Prerequisites[i].FlagKey)
	}
	for i := range m.Rules {
		refs.segments = r.appendSegments(refs.segments, m.Rules[i].Clauses)
	}
	return refs
}

func (r *Rules) referencesOfSegment(m *model.Segment) *references {
	refs := &references{}
	for i := range m.Rules {
		refs.segments = r.appendSegments(refs.segments, m.Rules[i].Clauses)
	}
	return refs
}

// appendSegments appends the ids of the segments that clauses ask for.
func (r *Rules) appendSegments(ids []string, clauses []model.Clause) []string {
	for i := range clauses {
		if r.operator(&clauses[i]).Operand == model.SegmentsOperand {
			list, _ := r.parseList(clauses[i].Value)
			for i := range list.Ends {
				ids = append(ids, list.At(i))
			}
		}
	}
	return ids
}

// SegmentUse returns the first flag that uses a segment, and that segment. Both
// are "" if there is no such flag.
func (s *Snapshot) SegmentUse() (flag, segment string) {
	for _, e := range s.flags.referring {
		if !bytes.Contains(e.Raw, []byte("in segment")) {
			continue // without decoding it: it refers to flags only
		}
		if segments := s.source.flagReferences(e).segments; len(segments) > 0 {
			return e.Key, segments[0]
		}
	}
	return "", ""
}

func anyIn(keys []string, set map[string]struct{}) bool {
	for _, key := range keys {
		if _, ok := set[key]; ok {
			return true
		}
	}
	return false
}

func setOf(keys []string) map[string]struct{} {
	set := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		set[key] = struct{}{}
	}
	return set
}
