package eval

import (
	"slices"
	"strings"
	"sync/atomic"
)

// Snapshot is an immutable view of an environment. All methods may be called
// concurrently.
type Snapshot struct {
	source   *Source
	flags    index[Flag]
	segments index[Segment]
	tags     map[string]Item // kept for their versions and for Items only

	version int64
	full    bool
	updates uint64
	sorted  atomic.Pointer[[]string]
}

// NewSnapshot returns the view of an environment nothing is known of yet.
func NewSnapshot(source *Source) *Snapshot { return &Snapshot{source: source} }

// Version is the newest version of any item, archived ones included; 0 when
// there is none.
func (s *Snapshot) Version() int64 { return s.version }

// Synced reports whether the platform's whole data has been applied. A
// bootstrap does not count.
func (s *Snapshot) Synced() bool { return s.full }

// Updates numbers the updates applied so far.
func (s *Snapshot) Updates() uint64 { return s.updates }

// Flag returns the flag with this key, or nil.
func (s *Snapshot) Flag(key string) *Flag {
	e := s.flags.get(key)
	if e == nil || e.Archived {
		return nil
	}
	if f := e.compiled.Load(); f != nil {
		return f
	}
	return s.source.flag(e)
}

// Has reports whether there is a flag with this key, without compiling it.
func (s *Snapshot) Has(key string) bool {
	e := s.flags.get(key)
	return e != nil && !e.Archived
}

// segment returns the segment with this id, or nil.
func (s *Snapshot) segment(id *segmentID) *Segment {
	e := s.segments.find(id.hash, id.id)
	if e == nil || e.Archived {
		return nil
	}
	if segment := e.compiled.Load(); segment != nil {
		return segment
	}
	return s.source.segment(e)
}

// largeItem is the size of raw JSON from which the first use of an item is a
// delay that a user may feel.
const largeItem = 64 << 10

// CompileLarge compiles the large items, so that no evaluation has to wait for
// that. It is for a goroutine that does not evaluate.
func (s *Snapshot) CompileLarge() {
	for e := range s.flags.all() {
		if len(e.Raw) > largeItem && !e.Archived && e.compiled.Load() == nil {
			s.source.flag(e)
		}
	}
	for e := range s.segments.all() {
		if len(e.Raw) > largeItem && !e.Archived && e.compiled.Load() == nil {
			s.source.segment(e)
		}
	}
}

// Keys returns the keys of all flags, sorted. The slice is shared.
func (s *Snapshot) Keys() []string {
	if keys := s.sorted.Load(); keys != nil {
		return *keys
	}
	keys := make([]string, 0, s.flags.count)
	for e := range s.flags.all() {
		if !e.Archived {
			keys = append(keys, e.Key)
		}
	}
	slices.Sort(keys)
	s.sorted.Store(&keys)
	return keys
}

// Stored returns the segments, or the flags, as they are stored.
func (s *Snapshot) Stored(segments bool) Stored {
	if segments {
		return &s.segments
	}
	return &s.flags
}

// Items returns everything there is, archived items included, each kind sorted
// by key.
func (s *Snapshot) Items() (flags, segments, tags []Item) {
	for e := range s.flags.all() {
		flags = append(flags, e.Item)
	}
	for e := range s.segments.all() {
		segments = append(segments, e.Item)
	}
	for _, item := range s.tags {
		tags = append(tags, item)
	}
	for _, items := range [][]Item{flags, segments, tags} {
		slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Key, b.Key) })
	}
	return flags, segments, tags
}
