package store

import (
	"slices"
	"strings"
	"sync/atomic"
)

// Snapshot is an immutable view of an environment, whose flags compile to F and
// whose segments to S. All methods may be called concurrently.
type Snapshot[F, S any] struct {
	compilers *compilers[F, S]
	flags     index
	segments  index
	tags      map[string]Item // kept for their versions and for Items only

	version int64
	full    bool
	updates uint64
	sorted  atomic.Pointer[[]string]
}

// compilers serve all snapshots of a client.
type compilers[F, S any] struct {
	flags    Compiler[F]
	segments Compiler[S]
}

// New returns an empty view of an environment.
func New[F, S any](flags Compiler[F], segments Compiler[S]) *Snapshot[F, S] {
	return &Snapshot[F, S]{compilers: &compilers[F, S]{flags, segments}}
}

// Version returns the newest version of any item, archived ones included; 0 if
// there are no items.
func (s *Snapshot[F, S]) Version() int64 { return s.version }

// Synced reports whether a full update of the platform has been applied. A
// bootstrap does not count.
func (s *Snapshot[F, S]) Synced() bool { return s.full }

// Updates returns the number of the last update that was applied.
func (s *Snapshot[F, S]) Updates() uint64 { return s.updates }

// Flag returns the flag with this key, or nil.
func (s *Snapshot[F, S]) Flag(key string) *F {
	e := s.flags.get(key)
	if e == nil || e.Archived {
		return nil
	}
	if f := e.load(); f != nil {
		return (*F)(f)
	}
	return (*F)(e.compile(&s.compilers.flags))
}

// Has reports whether there is a flag with this key, without compiling it.
func (s *Snapshot[F, S]) Has(key string) bool {
	e := s.flags.get(key)
	return e != nil && !e.Archived
}

// Segment returns the segment with this id, or nil. hash is Hash of the id.
func (s *Snapshot[F, S]) Segment(hash uint64, id string) *S {
	e := s.segments.find(hash, id)
	if e == nil || e.Archived {
		return nil
	}
	if segment := e.load(); segment != nil {
		return (*S)(segment)
	}
	return (*S)(e.compile(&s.compilers.segments))
}

// largeItem is the size of raw JSON, in bytes, from which on compiling an item
// causes a noticeable delay.
const largeItem = 64 << 10

// CompileLarge compiles the large items, so that no evaluation has to wait for
// them. Do not call it from a goroutine that evaluates.
func (s *Snapshot[F, S]) CompileLarge() {
	s.flags.compileLarge(&s.compilers.flags)
	s.segments.compileLarge(&s.compilers.segments)
}

func (ix *index) compileLarge(c compiler) {
	for e := range ix.all {
		if len(e.Raw) > largeItem && !e.Archived && e.load() == nil {
			e.compile(c)
		}
	}
}

// Keys returns the keys of all flags, sorted. The slice is shared.
func (s *Snapshot[F, S]) Keys() []string {
	if keys := s.sorted.Load(); keys != nil {
		return *keys
	}
	keys := make([]string, 0, s.flags.count)
	for e := range s.flags.all {
		if !e.Archived {
			keys = append(keys, e.Key)
		}
	}
	slices.Sort(keys)
	s.sorted.Store(&keys)
	return keys
}

// Stored returns the segments, or the flags, as they are stored.
func (s *Snapshot[F, S]) Stored(segments bool) Stored {
	if segments {
		return &s.segments
	}
	return &s.flags
}

// Items returns everything there is, archived items included, each kind sorted
// by key.
func (s *Snapshot[F, S]) Items() (flags, segments, tags []Item) {
	for e := range s.flags.all {
		flags = append(flags, e.Item)
	}
	for e := range s.segments.all {
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
