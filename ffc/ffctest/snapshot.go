package ffctest

import "fmt"

// Item is a flag or a segment: what [Flag] and [Segment] return.
type Item interface {
	// entity writes the item at version, or at the item's own if it has one.
	entity(d protocol, version int64) entity
}

func (b *FlagBuilder) entity(d protocol, version int64) entity {
	if b.flag.version != 0 {
		version = b.flag.version
	}
	return d.flag(&b.flag, version)
}

func (b *SegmentBuilder) entity(d protocol, version int64) entity {
	if b.segment.version != 0 {
		version = b.segment.version
	}
	return d.segment(&b.segment, version)
}

// Snapshot returns flags and segments of the environment of [EnvSecret] as
// bootstrap JSON, newest first. Their versions are 1, 2, 3 and so on, in the
// order given, but for those that were set. It panics when one is given twice.
// FeatBit.Snapshot writes what [FeatBit] has.
func Snapshot(items ...Item) []byte { return Classic.Snapshot(items...) }

// Snapshot is like the function [Snapshot], for platform p. It also panics if an
// item needs something that the platform does not have.
func (p Platform) Snapshot(items ...Item) []byte {
	d := p.protocol()
	var s store
	for i, item := range items {
		e := item.entity(d, int64(i+1))
		if _, twice := s.entities[e.kind][e.id]; twice {
			panic(fmt.Sprintf("ffctest: Snapshot was given %q twice", e.id))
		}
		s.put(e)
	}
	return s.snapshot(d)
}

// snapshot returns everything in s in bootstrap form.
func (s *store) snapshot(d protocol) []byte {
	return d.message("full", s.all(everything))
}

// all returns the entities that keep wants, newest first.
func (s *store) all(keep func(entity) bool) (out [kinds][]entity) {
	for k := range kinds {
		out[k] = s.each(k, keep)
	}
	return out
}
