package eval

import (
	"maps"
	"slices"
)

// Affected returns, sorted, the keys of all flags whose evaluation a change
// may have altered: the changed flags, those that use a changed segment, and
// those that have one of these as a prerequisite.
func (s *Snapshot) Affected(c Change) []string {
	segments := setOf(c.Segments)
	s.growSegments(segments)
	flags := setOf(c.Flags)
	if len(segments) > 0 {
		for e := range s.flags.all() {
			if f := s.Flag(e.Key); f != nil && f.usesAny(segments) {
				flags[e.Key] = struct{}{}
			}
		}
	}
	s.growFlags(flags)
	return slices.Sorted(maps.Keys(flags))
}

// growSegments adds the segments whose rules lead to one in the set.
func (s *Snapshot) growSegments(set map[string]struct{}) {
	for grown := len(set) > 0; grown; {
		grown = false
		for e := range s.segments.all() {
			if _, ok := set[e.Key]; ok {
				continue
			}
			if segment := s.Segment(e.Key); segment != nil && slices.ContainsFunc(segment.rules, func(clauses []clause) bool {
				return anyUses(clauses, set)
			}) {
				set[e.Key] = struct{}{}
				grown = true
			}
		}
	}
}

// growFlags adds the flags whose prerequisites lead to one in the set.
func (s *Snapshot) growFlags(set map[string]struct{}) {
	for grown := len(set) > 0; grown; {
		grown = false
		for e := range s.flags.all() {
			if _, ok := set[e.Key]; ok {
				continue
			}
			f := s.Flag(e.Key)
			if f == nil {
				continue
			}
			for i := range f.prerequisites {
				if _, ok := set[f.prerequisites[i].FlagKey]; ok {
					set[e.Key] = struct{}{}
					grown = true
					break
				}
			}
		}
	}
}

func (f *Flag) usesAny(segments map[string]struct{}) bool {
	for i := range f.rules {
		if anyUses(f.rules[i].clauses, segments) {
			return true
		}
	}
	return false
}

func anyUses(clauses []clause, segments map[string]struct{}) bool {
	for i := range clauses {
		for _, id := range clauses[i].segments {
			if _, ok := segments[id]; ok {
				return true
			}
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
