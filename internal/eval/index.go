package eval

import (
	"iter"
	"maps"
	"slices"
)

// index is an immutable map of keys to entries. It is cut into parts so that
// a patch of an environment of ten thousand flags copies one small part and
// not the whole map.
type index[T any] struct {
	parts []map[string]*entry[T] // a power of two of them, or none
	count int
	// referring are the entries that may refer to others. They are apart
	// because they are few, and to find them in the parts takes long.
	referring []*entry[T]
}

// partSize is how many entries a part has on average when the index is built.
const partSize = 128

func newIndex[T any](count int) index[T] {
	parts := 1
	for parts*partSize < count {
		parts *= 2
	}
	ix := index[T]{parts: make([]map[string]*entry[T], parts)}
	for i := range ix.parts {
		ix.parts[i] = make(map[string]*entry[T], count/parts)
	}
	return ix
}

func (ix *index[T]) part(key string) int {
	return int(spread(key)>>32) & (len(ix.parts) - 1)
}

func (ix *index[T]) get(key string) *entry[T] {
	if len(ix.parts) == 0 {
		return nil
	}
	return ix.parts[ix.part(key)][key]
}

// put stores an entry in an index that nobody else has seen yet.
func (ix *index[T]) put(e *entry[T]) {
	part := ix.parts[ix.part(e.Key)]
	before := len(part)
	part[e.Key] = e
	ix.count += len(part) - before
}

// with returns an index that also has these entries, whose keys differ.
func (ix *index[T]) with(entries []*entry[T]) index[T] {
	if len(ix.parts) == 0 {
		next := newIndex[T](len(entries))
		for _, e := range entries {
			next.put(e)
		}
		next.collectReferring()
		return next
	}
	next := index[T]{parts: slices.Clone(ix.parts), count: ix.count, referring: ix.referringWith(entries)}
	copied := make(map[int]bool, 1)
	for _, e := range entries {
		if i := next.part(e.Key); !copied[i] {
			copied[i] = true
			next.parts[i] = maps.Clone(next.parts[i])
		}
		next.put(e)
	}
	return next
}

// mayRefer reports whether e can make others affect it.
func (e *entry[T]) mayRefer() bool { return !e.Alone && !e.Archived && !e.Broken }

// collectReferring fills referring of an index that nobody else has seen yet.
func (ix *index[T]) collectReferring() {
	for e := range ix.all() {
		if e.mayRefer() {
			ix.referring = append(ix.referring, e)
		}
	}
}

// referringWith is what referring becomes with these entries.
func (ix *index[T]) referringWith(entries []*entry[T]) []*entry[T] {
	var added []*entry[T]
	replaced := make(map[*entry[T]]bool)
	for _, e := range entries {
		if e.mayRefer() {
			added = append(added, e)
		}
		if old := ix.get(e.Key); old != nil && old.mayRefer() {
			replaced[old] = true
		}
	}
	if len(added) == 0 && len(replaced) == 0 {
		return ix.referring
	}
	next := make([]*entry[T], 0, len(ix.referring)+len(added))
	for _, e := range ix.referring {
		if !replaced[e] {
			next = append(next, e)
		}
	}
	return append(next, added...)
}

// all yields the entries in no particular order.
func (ix *index[T]) all() iter.Seq[*entry[T]] {
	return func(yield func(*entry[T]) bool) {
		for _, part := range ix.parts {
			for _, e := range part {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// spread hashes the ends and the middle of a key, which is enough to choose a
// part: a bad spread makes parts uneven, nothing else. The ends alone are not
// enough, as many keys are like feature-17-enabled.
func spread(key string) uint64 {
	var h uint64
	if n := len(key); n >= 8 {
		middle := n/2 - 4
		h = load64(key[:8]) ^ load64(key[n-8:])*0x9e3779b97f4a7c15 ^ load64(key[middle:middle+8])*0xff51afd7ed558ccd
	} else {
		for i := range n {
			h = h<<8 | uint64(key[i])
		}
	}
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>29
}

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
