package eval

// Explanation is a result and the way to it. Of a flag that was explained
// before, in the same explanation, it is the result alone.
type Explanation struct {
	Result
	// FlagKey is there even if there is no such flag.
	FlagKey string
	// Cause is what the evaluation failed on, if it did.
	Cause error
	// Prerequisites are all up to the one that decided.
	Prerequisites []ExplainedPrerequisite
	// Rules are all up to the one that decided.
	Rules []ExplainedRule
	// Rollout is that of the rule or the default rule that was reached.
	Rollout *ExplainedRollout
}

// ExplainedPrerequisite is one that was looked at. A flag that requires itself
// passes without an evaluation: its explanation has ReasonNone.
type ExplainedPrerequisite struct {
	VariationID string // the one needed
	Passed      bool
	Explanation Explanation
}

// ExplainedRule is a rule of a flag or segment that was looked at.
type ExplainedRule struct {
	ID, Name string
	Matched  bool
	// Clauses are all up to the first that does not match.
	Clauses []ExplainedClause
	// Rollout is that of a rule that matches but has no share for the user,
	// where the default rule decides then.
	Rollout *ExplainedRollout
}

// ExplainedClause is a clause that was looked at.
type ExplainedClause struct {
	// Attribute is "" if the clause is about segments.
	Attribute, Operator, Operand string
	// UserValue is the user's attribute, if it is Present.
	UserValue string
	Present   bool
	Matched   bool
	// Problem is what is wrong with the clause, if anything.
	Problem error
	// Segments are all up to the first that has the user.
	Segments []ExplainedSegment
}

// ExplainedSegment is a segment that was looked at.
type ExplainedSegment struct {
	ID     string
	Member bool
	By     Membership
	// Rules are all up to the one that matches, if they were asked.
	Rules []ExplainedRule
}

// Membership is what decided whether a segment has the user.
type Membership string

// What can decide. The last four are failures; MembershipUnknown is one where
// the semantics are strict.
const (
	MembershipExcluded  Membership = "excluded"
	MembershipIncluded  Membership = "included"
	MembershipRule      Membership = "rule"
	MembershipNoRule    Membership = "no rule"
	MembershipCycle     Membership = "cycle"           // reached again through its own rules
	MembershipRepeated  Membership = "explained above" // whatever it was there
	MembershipUnknown   Membership = "unknown"
	MembershipMalformed Membership = "malformed"
	MembershipLimit     Membership = "limit"
	MembershipError     Membership = "error" // a rule could not be decided
)

// ExplainedRollout is the rollout that the user got to.
type ExplainedRollout struct {
	// Bucket is the user's place, or NaN if nobody had to know it.
	Bucket float64
	// BucketBy is the attribute that it is made of, by the name that rules
	// use, and UserValue what the user has there.
	BucketBy, UserValue string
	Shares              []ExplainedShare
}

// ExplainedShare is a share as it is in the data.
type ExplainedShare struct {
	From, To  float64
	Variation *Variation
	Taken     bool // by the user
}
