package eval

import "github.com/feature-flags-co/ffc-server-go-sdk/internal/model"

// Segment returns the segment with this id, or nil.
func (s *Snapshot) Segment(id string) *Segment { return s.segment(&segmentIDs(model.Texts(id))[0]) }
