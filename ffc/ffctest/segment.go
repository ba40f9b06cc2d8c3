package ffctest

import (
	"slices"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
)

// SegmentBuilder describes a segment. It does not change: its methods return a
// copy with the change, and panic if the description makes no sense. It is safe
// for concurrent use. The zero value is a segment without an id; make one with
// [Segment].
type SegmentBuilder struct {
	segment flagjson.Segment
	version int64 // 0: set by the server or the snapshot
}

// Segment describes a segment without users. Rules refer to it by its id, with
// [InSegment] and [NotInSegment]. Segment panics if id is empty.
func Segment(id string) *SegmentBuilder {
	if id == "" {
		panic("ffctest: a segment needs an id")
	}
	return &SegmentBuilder{segment: flagjson.Segment{ID: id}}
}

// with is as for FlagBuilder.
func (b *SegmentBuilder) with(change func(s *flagjson.Segment)) *SegmentBuilder {
	next := *b
	change(&next.segment)
	return &next
}

// Include puts the users with these keys in the segment.
func (b *SegmentBuilder) Include(userKeys ...string) *SegmentBuilder {
	keys := checkUserKeys(b.owner(), userKeys)
	return b.with(func(s *flagjson.Segment) { s.Included = slices.Concat(s.Included, keys) })
}

// Exclude keeps the users with these keys out of the segment, even if they are
// included or match a rule.
func (b *SegmentBuilder) Exclude(userKeys ...string) *SegmentBuilder {
	keys := checkUserKeys(b.owner(), userKeys)
	return b.with(func(s *flagjson.Segment) { s.Excluded = slices.Concat(s.Excluded, keys) })
}

// Rule puts users in the segment that match all conditions. One matching rule is
// enough.
func (b *SegmentBuilder) Rule(clauses ...Clause) *SegmentBuilder {
	rule := checkClauses(b.owner(), clauses)
	return b.with(func(s *flagjson.Segment) { s.Rules = appended(s.Rules, rule) })
}

// Version sets the version, in milliseconds since 1970. By default the server
// sets it when the segment is put, and a snapshot counts from 1.
func (b *SegmentBuilder) Version(unixMilli int64) *SegmentBuilder {
	checkVersion(b.owner(), unixMilli)
	next := *b
	next.version = unixMilli
	return &next
}

func (b *SegmentBuilder) owner() string { return "segment " + strconv.Quote(b.segment.ID) }
