package eval

// Segment returns the segment with this id, or nil.
func (s *Snapshot) Segment(id string) *Segment { return s.segment(&segmentIDs([]string{id})[0]) }
