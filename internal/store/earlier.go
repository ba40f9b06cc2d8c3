package store

import "bytes"

// Earlier has the items of a snapshot in the order of its last full update. A
// message that repeats them is read faster with them. The zero Earlier has none.
type Earlier struct{ Flags, Segments Sequence }

// Earlier returns the items of s for reading a further message.
func (s *Snapshot[F, S]) Earlier() Earlier {
	return Earlier{Flags: Sequence{index: &s.flags}, Segments: Sequence{index: &s.segments}}
}

// Sequence steps through items in the order of a full update. Most messages have
// the same items in the same order, or in one with few differences.
type Sequence struct {
	index *index // nil if there are no items
	next  int    // in index.entries
}

// Repeated returns the next item, and steps over it, if text begins with it. An
// item is a JSON object, so nothing that follows could belong to it. Broken items
// are not returned: what is wrong with them has to be read again.
func (s *Sequence) Repeated(text []byte) *Item {
	if s.index == nil || s.next == len(s.index.entries) {
		return nil
	}
	e := &s.index.entries[s.next]
	if e.Broken || len(e.Raw) == 0 || !bytes.HasPrefix(text, e.Raw) {
		return nil
	}
	s.next++
	return &e.Item
}

// Passed continues after the item with a key, which the text had in other bytes or
// in another place, so that the items after it are found.
func (s *Sequence) Passed(key string) {
	switch {
	case s.index == nil || key == "":
	case s.next < len(s.index.entries) && s.index.entries[s.next].Key == key:
		s.next++
	default:
		if at, ok := s.index.order(s.index.get(key)); ok {
			s.next = at + 1
		}
	}
}

// order returns the index of e in ix.entries. Entries of later partial updates are
// not there, and e may be nil.
func (ix *index) order(e *entry) (at int, ok bool) {
	if e == nil || e.order >= len(ix.entries) || &ix.entries[e.order] != e {
		return 0, false
	}
	return e.order, true
}
