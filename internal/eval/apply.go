package eval

import (
	"bytes"
	"maps"
)

// Update is a message of the platform, taken apart.
type Update struct {
	// Full: this is everything there is. Otherwise it is what has changed.
	Full                  bool
	Flags, Segments, Tags []Item
	// Unusable is how many elements of the message are left out, as they cannot
	// be used.
	Unusable int
	// NoSegments: the message does not speak of segments, so the ones stored
	// stay.
	NoSegments bool

	// What Prepare has compiled; nil for what it has not.
	preparedFlags    []*entry[Flag]
	preparedSegments []*entry[Segment]
}

// version is the newest version in the update.
func (u *Update) version() (newest int64) {
	for _, items := range [][]Item{u.Flags, u.Segments, u.Tags} {
		for i := range items {
			newest = max(newest, items[i].Version)
		}
	}
	return newest
}

// Change lists what an update changed.
type Change struct {
	Flags, Segments []string
}

// Prepare compiles the items of a patch that are newer than those of s. Apply,
// to s or to a later snapshot, then compiles nothing and takes little time, so
// that it may be called under a lock. A full is compiled as it is evaluated.
func (s *Snapshot) Prepare(u *Update) {
	if u.Full {
		return
	}
	u.preparedFlags = prepared(&s.flags, u.Flags, s.source.flag)
	u.preparedSegments = prepared(&s.segments, u.Segments, s.source.segment)
}

// prepared returns a compiled entry for each item that is newer than what the
// index has. They are few, so none is left to the first evaluation.
func prepared[T any](ix *index[T], items []Item, compile func(*entry[T]) *T) []*entry[T] {
	entries := make([]*entry[T], len(items))
	for i, item := range items {
		if old := ix.get(item.Key); old != nil && old.Version >= item.Version {
			continue
		}
		entries[i] = &entry[T]{Item: item}
		if !item.Archived {
			compile(entries[i])
		}
	}
	return entries
}

// Apply returns the snapshot after an update, which is s itself when the
// update says nothing new. asked is what s.Updates() was when the platform was
// asked for the update: items that arrived since can be newer than a full
// that answers.
func (s *Snapshot) Apply(u *Update, asked uint64) (*Snapshot, Change) {
	if !u.Full {
		if u.preparedFlags == nil {
			s.Prepare(u)
		}
		return s.applyPatch(u)
	}
	return s.applyFull(u, asked)
}

// Bootstrap returns a snapshot of the update, which serves until the first
// full of the platform replaces it whole.
func (s *Snapshot) Bootstrap(u *Update) *Snapshot {
	next, _ := s.replace(u, 0, 0, 0)
	return next
}

// applyPatch stores each item that is newer than the one it replaces, whatever
// the version of the whole (protocol reference, section 5: pushes can arrive in
// any order).
func (s *Snapshot) applyPatch(u *Update) (*Snapshot, Change) {
	arrived := s.updates + 1
	flags, changedFlags := newer(&s.flags, u.Flags, u.preparedFlags, arrived)
	segments, changedSegments := newer(&s.segments, u.Segments, u.preparedSegments, arrived)
	next := &Snapshot{
		source:   s.source,
		flags:    s.flags,
		segments: s.segments,
		tags:     s.tags,
		version:  max(s.version, u.version()),
		full:     s.full,
		updates:  arrived,
	}
	tags := newerTags(s.tags, u.Tags)
	if len(flags) == 0 && len(segments) == 0 && tags == nil {
		return s, Change{}
	}
	if tags != nil {
		next.tags = tags
	}
	if len(flags) > 0 {
		next.flags = s.flags.with(flags)
	}
	if len(segments) > 0 {
		next.segments = s.segments.with(segments)
	}
	return next, Change{Flags: changedFlags, Segments: changedSegments}
}

// newer returns entries for the items that are newer than what the index has;
// of two items with one key the newer counts.
func newer[T any](ix *index[T], items []Item, prepared []*entry[T], arrived uint64) (entries []*entry[T], keys []string) {
	place := make(map[string]int, len(items))
	for i, item := range items {
		if old := ix.get(item.Key); old != nil && old.Version >= item.Version {
			continue
		}
		e := prepared[i]
		if e == nil { // newer only than what the snapshot has had since
			e = &entry[T]{Item: item}
		}
		e.arrived = arrived
		if i, ok := place[item.Key]; ok {
			if entries[i].Version < item.Version {
				entries[i] = e
			}
			continue
		}
		place[item.Key] = len(entries)
		entries = append(entries, e)
		keys = append(keys, item.Key)
	}
	return entries, keys
}

func newerTags(tags map[string]Item, items []Item) map[string]Item {
	var next map[string]Item
	for _, item := range items {
		if old, ok := tags[item.Key]; ok && old.Version >= item.Version {
			continue
		}
		if next == nil {
			if next = maps.Clone(tags); next == nil {
				next = make(map[string]Item, len(items))
			}
		}
		if old, ok := next[item.Key]; !ok || old.Version < item.Version {
			next[item.Key] = item
		}
	}
	return next
}

// applyFull makes the update everything there is, except for what was pushed
// after it was asked for and is newer.
//
// The platform leaves archived items out of a full, so a full can be right
// although its version is not above ours. It is old when it has an item older
// than we had before asking; then it is ignored, unless the rules say that
// every full counts.
//
// The first full is always the base. Whatever was pushed before it counts as
// pushed after asking: there is nothing else to hold it against.
func (s *Snapshot) applyFull(u *Update, asked uint64) (*Snapshot, Change) {
	if !s.full {
		asked = 0
	}
	version := u.version()
	if s.full && !s.source.Rules.FullsCount && version <= s.version && (outdated(&s.flags, u.Flags, asked) || outdated(&s.segments, u.Segments, asked)) {
		return s, Change{}
	}
	next, change := s.replace(u, version, asked, s.updates+1)
	if s.full && len(change.Flags) == 0 && len(change.Segments) == 0 && next.version == s.version {
		return s, Change{}
	}
	next.full = true
	next.updates = s.updates + 1
	return next, change
}

// outdated reports whether an item is older than the one the index had when
// the platform was asked. The version of a broken item says nothing.
func outdated[T any](ix *index[T], items []Item, asked uint64) bool {
	for i := range items {
		old := ix.get(items[i].Key)
		if old != nil && old.arrived != 0 && old.arrived <= asked && old.Version > items[i].Version && !items[i].Broken {
			return true
		}
	}
	return false
}

func (s *Snapshot) replace(u *Update, version int64, asked, arrived uint64) (*Snapshot, Change) {
	next := &Snapshot{source: s.source}
	var change Change
	next.flags, change.Flags = replaced(&s.flags, u.Flags, version, asked, arrived)
	if u.NoSegments {
		next.segments = s.segments
	} else {
		next.segments, change.Segments = replaced(&s.segments, u.Segments, version, asked, arrived)
	}
	next.tags = newerTags(nil, u.Tags)
	next.version = next.newest()
	return next, change
}

// newest is the newest version of any item.
func (s *Snapshot) newest() (version int64) {
	for e := range s.flags.all() {
		version = max(version, e.Version)
	}
	for e := range s.segments.all() {
		version = max(version, e.Version)
	}
	for _, item := range s.tags {
		version = max(version, item.Version)
	}
	return version
}

// replaced returns an index of the items of a full, with what was pushed since
// it was asked for and is newer, and the keys that differ from old.
func replaced[T any](old *index[T], items []Item, version int64, asked, arrived uint64) (index[T], []string) {
	next := newIndex[T](len(items))
	entries := make([]entry[T], len(items)) // one allocation for all
	for i, item := range items {
		if twin := next.get(item.Key); twin == nil || twin.Version < item.Version {
			e := &entries[i]
			e.Item, e.arrived = item, arrived
			next.put(e)
		}
	}
	repeats := next.count < len(items)
	var changed []string
	for i := range entries {
		e := &entries[i]
		if repeats && next.get(e.Key) != e {
			continue // the full also has a newer version
		}
		had := old.get(e.Key)
		switch {
		case had == nil:
			changed = append(changed, e.Key)
		case had.arrived > asked && had.Version > e.Version:
			next.put(had)
		case had.Version == e.Version && bytes.Equal(had.Raw, e.Raw):
			e.compiled.Store(had.compiled.Load())
			e.refers.Store(had.refers.Load())
		default:
			changed = append(changed, e.Key)
		}
	}
	for had := range old.all() {
		switch {
		case next.get(had.Key) != nil:
		case had.arrived > asked && had.Version > version:
			next.put(had)
		default:
			changed = append(changed, had.Key)
		}
	}
	next.collectReferring()
	return next, changed
}
