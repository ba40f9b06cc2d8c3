package eval

// Explanation is a result and the steps that led to it. If the flag was
// explained before in the same explanation, it has only the result.
type Explanation struct {
	Result
	// FlagKey is set even if there is no such flag.
	FlagKey string
	// Cause is the error of the evaluation, if it failed.
	Cause error
	// Prerequisites are all up to the one that decided.
	Prerequisites []ExplainedPrerequisite
	// Rules are all up to the one that decided.
	Rules []ExplainedRule
	// Rollout is the rollout of the rule or default rule that was reached.
	Rollout *ExplainedRollout
}

// ExplainedPrerequisite is a prerequisite that was checked. A flag that
// requires itself passes without an evaluation: its explanation has ReasonNone.
type ExplainedPrerequisite struct {
	VariationID string // the required one
	Passed      bool
	Explanation Explanation
}

// ExplainedRule is a rule of a flag or segment that was checked.
type ExplainedRule struct {
	ID, Name string
	Matched  bool
	// Clauses are all up to the first that does not match.
	Clauses []ExplainedClause
	// Rollout is the rollout of a rule that matches but has no share for the
	// user, if the default rule decides then.
	Rollout *ExplainedRollout
}

// ExplainedClause is a clause that was checked.
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

// ExplainedSegment is a segment that was checked.
type ExplainedSegment struct {
	ID     string
	Member bool
	By     Membership
	// Rules are all up to the one that matches, if rules were checked.
	Rules []ExplainedRule
}

// Membership says what decided whether a segment has the user.
type Membership string

// The memberships. The last four are failures, MembershipUnknown only if the
// semantics are strict.
const (
	MembershipExcluded  Membership = "excluded"
	MembershipIncluded  Membership = "included"
	MembershipRule      Membership = "rule"
	MembershipNoRule    Membership = "no rule"
	MembershipCycle     Membership = "cycle"           // reached again through its own rules
	MembershipRepeated  Membership = "explained above" // with any result
	MembershipUnknown   Membership = "unknown"
	MembershipMalformed Membership = "malformed"
	MembershipLimit     Membership = "limit"
	MembershipError     Membership = "error" // a rule could not be decided
)

// ExplainedRollout is the rollout that the user reached.
type ExplainedRollout struct {
	// Bucket is the user's bucket, or NaN if it was not needed.
	Bucket float64
	// BucketBy is the attribute from which the bucket is computed, by the name
	// that rules use. UserValue is the user's value of it.
	BucketBy, UserValue string
	Shares              []ExplainedShare
}

// ExplainedShare is a share as it is in the data.
type ExplainedShare struct {
	From, To  float64
	Variation *Variation
	Taken     bool // by the user
}
