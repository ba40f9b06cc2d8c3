package model

// Segment is a set of users that rules can refer to by its id.
type Segment struct {
	Included List // user keys
	Excluded List // user keys; they win over Included and Rules
	Rules    []SegmentRule
}

// SegmentRule adds users who match all clauses to a segment.
type SegmentRule struct {
	Clauses []Clause
}
