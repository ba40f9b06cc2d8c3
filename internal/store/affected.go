package store

import (
	"bytes"
	"maps"
	"slices"
)

// Affected returns, sorted, the keys of all flags whose evaluation a change
// may have altered: the changed flags, those that use a changed segment, and
// those that have one of these as a prerequisite.
//
// It reads only items that refer to others, each of their references a few
// times, and compiles none.
func (s *Snapshot[F, S]) Affected(c Change) []string {
	segments := setOf(c.Segments)
	grow(segments, s.segments.referring, func(e *entry) []string { return e.references(&s.compilers.segments).Segments })
	flags := setOf(c.Flags)
	if len(segments) > 0 {
		for _, e := range s.flags.referring {
			if anyIn(e.references(&s.compilers.flags).Segments, segments) {
				flags[e.Key] = struct{}{}
			}
		}
	}
	grow(flags, s.flags.referring, func(e *entry) []string { return e.references(&s.compilers.flags).Flags })
	return slices.Sorted(maps.Keys(flags))
}

// plainPasses is the number of times grow scans all entries before it builds a
// reverse index of their references. Most chains are short, and the index
// allocates.
const plainPasses = 4

// grow adds the keys of the entries that refer to a key of the set, and of those
// that refer to them, and so on.
func grow(set map[string]struct{}, entries []*entry, references func(*entry) []string) {
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

// SegmentUse returns the first flag, by key, that uses a segment, and that
// segment. Both are "" if there is no such flag.
func (s *Snapshot[F, S]) SegmentUse() (flag, segment string) {
	for _, e := range s.flags.referring {
		if !bytes.Contains(e.Raw, []byte("in segment")) {
			continue // without decoding it: it refers to flags only
		}
		if segments := e.references(&s.compilers.flags).Segments; len(segments) > 0 {
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
