package ffc

// Explanation is how a flag came to its value for a user; see Client.Explain.
// The zero Explanation explains nothing.
//
// It holds what rules compare users with and, if they have it, what the user
// has: do not print it where that must not be read.
type Explanation struct {
	// FlagKey is the key that was asked for.
	FlagKey string
	// FlagName is the flag's display name; "" when the flag is not known.
	FlagName string
	// Value is the flag's value as text; "" if Err is not nil.
	Value       string
	VariationID string
	Reason      Reason
	// Err says why there is no value. It is an ErrNotReady, ErrFlagNotFound,
	// ErrUserNotSpecified or ErrEvaluation; the last says on what the evaluation
	// failed.
	Err error
	// Experiment: an event of this evaluation would count in experiments.
	Experiment bool
	// Prerequisites are those that were looked at, in order: all up to the one
	// that decided.
	Prerequisites []ExplainedPrerequisite
	// Rules are those that were looked at, in order: all up to the one that
	// decided. There are none for who a target lists.
	Rules []ExplainedRule
	// Rollout is that of the rule that matches or else of the default rule; nil
	// if neither was reached.
	Rollout *ExplainedRollout
}

// ExplainedPrerequisite is another flag that has to serve a variation.
type ExplainedPrerequisite struct {
	// VariationID is the variation it has to serve.
	VariationID string
	Passed      bool
	// Explanation is that of the other flag. A flag that was explained before,
	// in the same Explanation, has no Prerequisites, Rules and Rollout here. A
	// flag that requires itself passes without a Reason.
	Explanation Explanation
}

// ExplainedRule is a rule of a flag or of a segment.
type ExplainedRule struct {
	// ID and Name are "" in segments.
	ID, Name string
	Matched  bool
	// Clauses are the conditions, in order, up to the first that does not match.
	Clauses []ExplainedClause
	// Rollout is set if the rule matches but none of its shares takes the user,
	// so that the default rule decides.
	Rollout *ExplainedRollout
}

// ExplainedClause is one condition of a rule.
type ExplainedClause struct {
	// Attribute is the name of the user's attribute; "" if the clause is about
	// segments.
	Attribute string
	// Operator and Operand are the platform's text, such as IsOneOf and
	// ["FR","BE"].
	Operator, Operand string
	// UserValue is what the user has as Attribute, and Present whether there is
	// such an attribute.
	UserValue string
	Present   bool
	Matched   bool
	// Problem says what is wrong with the clause, such as a pattern that is not
	// one; "" if nothing is.
	Problem string
	// Segments are those the clause names, in order, up to the first that has
	// the user.
	Segments []ExplainedSegment
}

// ExplainedSegment is a segment that a clause asked for the user.
type ExplainedSegment struct {
	ID     string
	Member bool
	// By says what decided: "excluded", "included", "rule", "no rule", "cycle"
	// (reached again through its own rules: nobody is a member then), "unknown"
	// (there is no such segment), or "explained above" (in the same Explanation).
	// If the evaluation failed there it is "malformed", "limit" (too many or too
	// deep) or "error" (a rule of it could not be decided).
	By string
	// Rules are those that were looked at, in order, up to the one that matches.
	Rules []ExplainedRule
}

// ExplainedRollout is how a rule divides its users.
type ExplainedRollout struct {
	// Bucket is the user's place, from 0 to 1; NaN if a share takes everybody,
	// or there is none.
	Bucket float64
	// BucketBy is the attribute that decides the place, and UserValue what the
	// user has there: users without it share one place.
	BucketBy, UserValue string
	// Shares are in the order in which they are tried. One is Taken at most.
	Shares []ExplainedShare
}

// ExplainedShare is the part of a rollout that gets one variation.
type ExplainedShare struct {
	// From and To are its ends; NaN if the data has no numbers there.
	From, To float64
	// VariationID and Value are "" if the flag does not have the variation.
	VariationID, Value string
	// Taken: it is the user's.
	Taken bool
}
