package store

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
)

// hashSeed is random, so that no one can choose keys whose hashes collide. All
// snapshots share it, because clauses keep hashes of segments that are in many
// snapshots.
var hashSeed = maphash.MakeSeed()

// Hash returns the hash of a key. It differs from process to process.
func Hash(key string) uint64 { return maphash.String(hashSeed, key) }

// index is an immutable map of keys to entries. It is divided into parts, so
// that a patch of an environment of ten thousand flags copies one small part
// and not the whole map.
//
// A part is a hash table in a slice, which is copied at once. A Go map finds a
// key as fast, but takes some sixty times as long to copy at that size.
type index struct {
	parts []part // a power of two of them, or none
	count int
	// referring has the entries that may refer to others. They are also kept
	// here because they are few, and finding them in the parts takes long.
	referring []*entry
	// entries has what the last full update brought, in its order. Some of them may
	// have been replaced since.
	entries []entry
}

// part is an open-addressing hash table of entries. Its length is a power of
// two, and at least half of it is empty.
type part struct {
	places []*entry
	count  int
}

// partSize is the average number of entries of a part when the index is built.
const partSize = 128

func newIndex(count int) index {
	parts := 1
	for parts*partSize < count {
		parts *= 2
	}
	ix := index{parts: make([]part, parts)}
	for i := range ix.parts {
		ix.parts[i] = newPart(count / parts)
	}
	return ix
}

func newPart(count int) part {
	return part{places: make([]*entry, 1<<bits.Len(uint(max(4, 2*count)-1)))}
}

// of returns the number of the part for a hash. Other bits select the place in
// the part.
func (ix *index) of(hash uint64) int { return int(hash>>32) & (len(ix.parts) - 1) }

func (ix *index) get(key string) *entry {
	if ix.count == 0 {
		return nil
	}
	return ix.find(Hash(key), key)
}

// find is get for callers that have the hash.
func (ix *index) find(hash uint64, key string) *entry {
	if len(ix.parts) == 0 {
		return nil
	}
	places := ix.parts[ix.of(hash)].places
	for at := int(hash); ; at++ {
		if e := places[at&(len(places)-1)]; e == nil || e.Key == key {
			return e
		}
	}
}

// put stores an entry in an index that no other goroutine can see yet.
func (ix *index) put(e *entry) { ix.putHashed(Hash(e.Key), e) }

// putHashed is put for callers that have the hash.
func (ix *index) putHashed(hash uint64, e *entry) {
	p := &ix.parts[ix.of(hash)]
	before := p.count
	p.put(hash, e)
	ix.count += p.count - before
}

func (p *part) put(hash uint64, e *entry) {
	at := int(hash)
	for ; ; at++ {
		place := &p.places[at&(len(p.places)-1)]
		if *place == nil {
			break
		}
		if (*place).Key == e.Key {
			*place = e
			return
		}
	}
	if p.count++; 2*p.count <= len(p.places) {
		p.places[at&(len(p.places)-1)] = e
		return
	}
	larger := newPart(p.count)
	for _, old := range append(p.places, e) {
		if old != nil {
			larger.put(Hash(old.Key), old)
		}
	}
	*p = larger
}

// with returns an index that also has these entries, whose keys differ.
func (ix *index) with(entries []*entry) index {
	if len(ix.parts) == 0 {
		next := newIndex(len(entries))
		for _, e := range entries {
			next.put(e)
		}
		next.collectReferring()
		return next
	}
	next := index{parts: slices.Clone(ix.parts), count: ix.count, referring: ix.referringWith(entries), entries: ix.entries}
	copied := make(map[int]bool, 1)
	for _, e := range entries {
		if i := next.of(Hash(e.Key)); !copied[i] {
			copied[i] = true
			next.parts[i].places = slices.Clone(next.parts[i].places)
		}
		next.put(e)
	}
	return next
}

// mayRefer reports whether e may refer to other items.
func (e *entry) mayRefer() bool { return !e.Alone && !e.Archived && !e.Broken }

// collectReferring sets referring of an index that no other goroutine can see
// yet.
func (ix *index) collectReferring() {
	for e := range ix.all {
		if e.mayRefer() {
			ix.referring = append(ix.referring, e)
		}
	}
}

// referringWith returns referring after these entries are stored.
func (ix *index) referringWith(entries []*entry) []*entry {
	var added []*entry
	replaced := make(map[*entry]bool)
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
	next := make([]*entry, 0, len(ix.referring)+len(added))
	for _, e := range ix.referring {
		if !replaced[e] {
			next = append(next, e)
		}
	}
	return append(next, added...)
}

// all yields the entries in no particular order.
func (ix *index) all(yield func(*entry) bool) {
	for _, part := range ix.parts {
		for _, e := range part.places {
			if e != nil && !yield(e) {
				return
			}
		}
	}
}

// Stored has the flags or the segments of a snapshot as they are stored, to
// compare them with the platform's data.
type Stored interface {
	// Find returns the item with a key and the number of the update that brought
	// it; nil if there is none. Archived items are found.
	Find(key string) (item *Item, arrived uint64)
	// All yields every item in no particular order.
	All() iter.Seq2[*Item, uint64]
	// Len returns the number of items.
	Len() int
}

// Find implements Stored.
func (ix *index) Find(key string) (item *Item, arrived uint64) {
	e := ix.get(key)
	if e == nil {
		return nil, 0
	}
	return &e.Item, e.arrived
}

// All implements Stored.
func (ix *index) All() iter.Seq2[*Item, uint64] {
	return func(yield func(*Item, uint64) bool) {
		for e := range ix.all {
			if !yield(&e.Item, e.arrived) {
				return
			}
		}
	}
}

// Len implements Stored.
func (ix *index) Len() int { return ix.count }
