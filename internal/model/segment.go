package model

// Segment is a set of users that rules can refer to by its id.
type Segment struct {
	Included List // user keys
	Excluded List // user keys; they win over Included and Rules
	Rules    []SegmentRule
}

// SegmentRule takes users into a segment that match all clauses.
type SegmentRule struct {
	Clauses []Clause
}
