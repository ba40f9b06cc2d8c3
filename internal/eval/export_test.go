package eval

import "github.com/feature-flags-co/ffc-server-go-sdk/internal/store"

// FindSegment returns the segment with this id, or nil.
func FindSegment(s *Snapshot, id string) *Segment { return s.Segment(store.Hash(id), id) }
