package ffctest

import "strconv"

// SegmentBuilder describes a segment. Its methods change it and return it; they
// panic when the description makes no sense. It is not safe for concurrent use.
// [Server.Put] and [Snapshot] read it and keep nothing, so it can be changed and
// put again.
type SegmentBuilder struct{ segment segment }

// segment is what its author said about a segment, before any generation of the
// platform gives it a shape.
type segment struct {
	id       string
	included []string
	excluded []string
	rules    [][]Clause
	version  int64 // 0: whoever writes the segment decides
}

// Segment describes a segment without users. Rules refer to it by its id, with
// [InSegment] and [NotInSegment].
func Segment(id string) *SegmentBuilder {
	if id == "" {
		panic("ffctest: a segment needs an id")
	}
	return &SegmentBuilder{segment: segment{id: id}}
}

// Include puts the users with these keys in the segment.
func (b *SegmentBuilder) Include(userKeys ...string) *SegmentBuilder {
	b.segment.included = append(b.segment.included, checkUserKeys(b.owner(), userKeys)...)
	return b
}

// Exclude keeps the users with these keys out, whatever else says they are in.
func (b *SegmentBuilder) Exclude(userKeys ...string) *SegmentBuilder {
	b.segment.excluded = append(b.segment.excluded, checkUserKeys(b.owner(), userKeys)...)
	return b
}

// Rule puts users in the segment that match all conditions. One rule is enough.
func (b *SegmentBuilder) Rule(clauses ...Clause) *SegmentBuilder {
	b.segment.rules = append(b.segment.rules, checkClauses(b.owner(), clauses))
	return b
}

// Version fixes the version, in milliseconds since 1970. Without it the server
// stamps the segment when it is put, and a snapshot counts from 1.
func (b *SegmentBuilder) Version(unixMilli int64) *SegmentBuilder {
	b.segment.version = checkVersion(b.owner(), unixMilli)
	return b
}

func (b *SegmentBuilder) owner() string { return "segment " + strconv.Quote(b.segment.id) }
