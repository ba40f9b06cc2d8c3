package store

import (
	"bytes"
	"maps"
)

// Update is a parsed message of the platform.
type Update struct {
	// Full: the update has all items. If false, the update is partial: it has only
	// the changed items.
	Full                  bool
	Flags, Segments, Tags []Item
	// Unusable is the number of elements of the message that are skipped
	// because they are unusable.
	Unusable int
	// NoSegments: the message has no list of segments, so the stored segments
	// stay.
	NoSegments bool
}

// Version returns the newest version in the update.
func (u *Update) Version() (newest int64) {
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

// Prepared is what Prepare has compiled of an update.
type Prepared struct {
	flags    []*entry // nil for those that Prepare has not compiled
	segments []*entry
}

// Prepare compiles the items of a partial update that are newer than those of s.
// ApplyOn, of s or of a later snapshot, then compiles nothing and takes little
// time, so that it may be called under a lock. The items of a full update are
// compiled when they are first evaluated.
func (s *Snapshot[F, S]) Prepare(u *Update) Prepared {
	if u.Full {
		return Prepared{}
	}
	return Prepared{
		flags:    prepared(&s.flags, u.Flags, &s.compilers.flags),
		segments: prepared(&s.segments, u.Segments, &s.compilers.segments),
	}
}

// prepared returns a compiled entry for each item that is newer than what the
// index has. They are few, so all are compiled now and not at their first
// evaluation.
func prepared(ix *index, items []Item, c compiler) []*entry {
	entries := make([]*entry, len(items))
	for i, item := range items {
		if old := ix.get(item.Key); old != nil && !item.replaces(&old.Item) {
			continue
		}
		entries[i] = &entry{Item: item}
		if !item.Archived {
			entries[i].compile(c)
		}
	}
	return entries
}

// Terms say how to apply an update.
type Terms struct {
	// Arrived is the number of the update. It is larger than the numbers of all
	// earlier updates; 0 stands for the next number.
	Arrived uint64
	// Asked is the number of the last update before this one was requested.
	// Items that arrived since can be newer than a full update in the response.
	Asked uint64
	// Keep has the items that do not change, or stay absent, whatever is in the
	// update. Force has the items that a partial update replaces by older ones.
	Keep, Force ItemSet
}

// ItemID names an item of a snapshot.
type ItemID struct {
	Segment bool // if false, a flag
	Key     string
}

// ItemSet is a set of items. A nil set is empty.
type ItemSet map[ItemID]struct{}

// has reports whether the set has an item.
func (set ItemSet) has(segment bool, key string) bool {
	if len(set) == 0 {
		return false
	}
	_, ok := set[ItemID{segment, key}]
	return ok
}

// Apply returns the snapshot after an update, which is s itself if the update
// has nothing new. asked is the value of s.Updates() when the update was
// requested.
func (s *Snapshot[F, S]) Apply(u *Update, asked uint64) (*Snapshot[F, S], Change) {
	return s.ApplyOn(u, s.Prepare(u), &Terms{Asked: asked})
}

// ApplyOn is Apply on terms that a Hold has decided on, of an update that s or an
// earlier snapshot has prepared. It does not decide about items that are older
// than the stored ones: a full update replaces everything except what arrived
// after Asked, a partial update replaces older items.
func (s *Snapshot[F, S]) ApplyOn(u *Update, p Prepared, terms *Terms) (*Snapshot[F, S], Change) {
	t := *terms
	if t.Arrived == 0 {
		t.Arrived = s.updates + 1
	}
	if !u.Full {
		return s.applyPatch(u, p, &t)
	}
	return s.applyFull(u, &t)
}

// Bootstrap returns a snapshot of the update. It serves until the first full
// update of the platform replaces all of it.
func (s *Snapshot[F, S]) Bootstrap(u *Update) *Snapshot[F, S] {
	next, _ := s.replace(u, &Terms{})
	return next
}

// applyPatch stores each item that is newer than the one it replaces, whatever
// the version of the whole (protocol reference, section 5: pushes can arrive in
// any order).
func (s *Snapshot[F, S]) applyPatch(u *Update, p Prepared, t *Terms) (*Snapshot[F, S], Change) {
	flags, changedFlags := newer(&s.flags, u.Flags, p.flags, t, false)
	segments, changedSegments := newer(&s.segments, u.Segments, p.segments, t, true)
	next := &Snapshot[F, S]{
		compilers: s.compilers,
		flags:     s.flags,
		segments:  s.segments,
		tags:      s.tags,
		version:   s.version,
		full:      s.full,
		updates:   t.Arrived,
	}
	tags := newerTags(s.tags, u.Tags)
	if len(flags) == 0 && len(segments) == 0 && tags == nil {
		return s, Change{}
	}
	if tags != nil {
		next.tags = tags
		for _, item := range u.Tags {
			next.version = max(next.version, item.Version)
		}
	}
	if len(flags) > 0 {
		next.flags = s.flags.with(flags)
		next.version = max(next.version, newestOf(flags))
	}
	if len(segments) > 0 {
		next.segments = s.segments.with(segments)
		next.version = max(next.version, newestOf(segments))
	}
	if len(t.Force) > 0 { // older items can lower the version
		next.version = next.newest()
	}
	return next, Change{Flags: changedFlags, Segments: changedSegments}
}

// newer returns entries for the items that replace what the index has; of two
// items with one key the newer counts, and of two with one version the first.
func newer(ix *index, items []Item, prepared []*entry, t *Terms, segment bool) (entries []*entry, keys []string) {
	for _, i := range latest(items) {
		item := &items[i]
		if t.Keep.has(segment, item.Key) {
			continue
		}
		if old := ix.get(item.Key); old != nil && !item.replaces(&old.Item) && !t.Force.has(segment, item.Key) {
			continue
		}
		e := prepared[i]
		if e == nil { // newer only than items that the snapshot has had since
			e = &entry{Item: *item}
		}
		e.arrived = t.Arrived
		entries = append(entries, e)
		keys = append(keys, item.Key)
	}
	return entries, keys
}

// newestOf returns the newest version of any of the entries, or 0.
func newestOf(entries []*entry) (version int64) {
	for _, e := range entries {
		version = max(version, e.Version)
	}
	return version
}

// latest returns the indexes of the items, without those that the list also has
// in a newer version, or earlier in the same version.
func latest(items []Item) []int {
	places := make([]int, 0, len(items))
	of := make(map[string]int, len(items)) // in places
	for i := range items {
		if at, ok := of[items[i].Key]; !ok {
			of[items[i].Key] = len(places)
			places = append(places, i)
		} else if items[places[at]].Version < items[i].Version {
			places[at] = i
		}
	}
	return places
}

// Older reports whether an item has been replaced by another of its key. Of two
// with the same version the archived one is later: a change gives an item a new
// version, but an older copy of an archived item may have the same version.
func (item *Item) Older(than *Item) bool {
	if item.Version != than.Version {
		return item.Version < than.Version
	}
	return than.Archived && !item.Archived
}

// replaces reports whether an item is to be stored instead of another of its
// key. An item of the same version is stored if its bytes differ: two changes
// can happen in the same millisecond.
func (item *Item) replaces(old *Item) bool {
	if item.Version != old.Version {
		return item.Version > old.Version
	}
	return !item.Older(old) && !bytes.Equal(item.Raw, old.Raw)
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

// applyFull replaces everything by the update, except for items that the terms
// keep and items that were pushed after the request. The platform leaves
// archived items out of a full, so a full can be right although its version is
// not newer than the stored one.
//
// The first full update is always the base. Everything pushed before it counts
// as pushed after the request: there is nothing else to compare it with.
func (s *Snapshot[F, S]) applyFull(u *Update, t *Terms) (*Snapshot[F, S], Change) {
	if !s.full {
		t.Asked = 0
	}
	next, change := s.replace(u, t)
	if s.full && len(change.Flags) == 0 && len(change.Segments) == 0 && next.version == s.version {
		return s, Change{}
	}
	next.full = true
	next.updates = t.Arrived
	return next, change
}

func (s *Snapshot[F, S]) replace(u *Update, t *Terms) (*Snapshot[F, S], Change) {
	next := &Snapshot[F, S]{compilers: s.compilers}
	var change Change
	version := u.Version()
	next.flags, change.Flags = replaced(&s.flags, u.Flags, version, t, false)
	if u.NoSegments {
		next.segments = s.segments
	} else {
		next.segments, change.Segments = replaced(&s.segments, u.Segments, version, t, true)
	}
	next.tags = newerTags(nil, u.Tags)
	next.version = next.newest()
	return next, change
}

// newest returns the newest version of any item.
func (s *Snapshot[F, S]) newest() (version int64) {
	for _, ix := range []*index{&s.flags, &s.segments} {
		for e := range ix.all {
			version = max(version, e.Version)
		}
	}
	for _, item := range s.tags {
		version = max(version, item.Version)
	}
	return version
}

// replaced returns an index of the items of a full update, of newer items that
// were pushed since its request, and of kept items. It also returns the keys
// that differ from old.
func replaced(old *index, items []Item, version int64, t *Terms, segment bool) (index, []string) {
	kept := len(t.Keep) > 0
	if !kept {
		if next, changed, ok := old.repeatedBy(items, t); ok {
			return next, changed
		}
	}
	next := newIndex(len(items))
	entries := make([]entry, len(items)) // one allocation for all
	next.entries = entries
	for i := range items {
		item := &items[i]
		if kept && t.Keep.has(segment, item.Key) {
			continue
		}
		hash := Hash(item.Key)
		if twin := next.find(hash, item.Key); twin == nil || twin.Version < item.Version {
			e := &entries[i]
			e.Item, e.arrived, e.order = *item, t.Arrived, i
			next.putHashed(hash, e)
		}
	}
	repeats := kept || next.count < len(items)
	var changed []string
	if old.count == 0 {
		changed = make([]string, 0, next.count)
	}
	for i := range entries {
		e := &entries[i]
		if repeats && next.get(e.Key) != e {
			continue // kept, or the full also has a newer version
		}
		had := old.get(e.Key)
		switch {
		case had == nil:
			changed = append(changed, e.Key)
		case had.arrived > t.Asked && e.Older(&had.Item):
			next.put(had)
		case had.Version == e.Version && bytes.Equal(had.Raw, e.Raw):
			e.inherit(had)
		default:
			changed = append(changed, e.Key)
		}
	}
	for had := range old.all {
		switch {
		case next.get(had.Key) != nil:
		case kept && t.Keep.has(segment, had.Key):
			next.put(had)
		case had.arrived > t.Asked && (t.Asked > 0 || had.Version > version):
			// If a full may be old, or there is nothing to compare it with, its
			// version decides.
			next.put(had)
		default:
			changed = append(changed, had.Key)
		}
	}
	next.collectReferring()
	return next, changed
}

// repeatedBy is replaced for items with the keys of ix in the order of ix, as most
// full updates have them: their places in ix are known. It reports false if they
// differ, or if ix has entries that are not of one full update.
func (ix *index) repeatedBy(items []Item, t *Terms) (next index, changed []string, ok bool) {
	if len(items) != len(ix.entries) || len(items) != ix.count {
		return index{}, nil, false
	}
	for i := range items {
		had := &ix.entries[i]
		if items[i].Key != had.Key || had.arrived > t.Asked && items[i].Older(&had.Item) {
			return index{}, nil, false
		}
	}
	next = index{parts: make([]part, len(ix.parts)), count: ix.count, entries: make([]entry, len(items))}
	for i, p := range ix.parts {
		places := make([]*entry, len(p.places))
		for at, e := range p.places {
			if e == nil {
				continue
			}
			i, ok := ix.order(e)
			if !ok {
				return index{}, nil, false
			}
			places[at] = &next.entries[i]
		}
		next.parts[i] = part{places, p.count}
	}
	for i := range items {
		e, had := &next.entries[i], &ix.entries[i]
		e.Item, e.arrived, e.order = items[i], t.Arrived, i
		if had.Version == e.Version && bytes.Equal(had.Raw, e.Raw) {
			e.inherit(had)
		} else {
			changed = append(changed, e.Key)
		}
		if e.mayRefer() {
			next.referring = append(next.referring, e)
		}
	}
	return next, changed, true
}
