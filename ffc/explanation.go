package ffc

// Explanation holds the steps that led to a flag's value for a user; see
// Client.Explain. The zero Explanation explains nothing.
//
// It holds attributes of the user, and the values that rules compare them with: do
// not print it where these must stay secret.
type Explanation struct {
	// FlagKey is the key that was evaluated.
	FlagKey string
	// FlagName is the flag's display name; "" if the flag was not found.
	FlagName string
	// Value is the flag's value as text; "" if Err is not nil.
	Value       string
	VariationID string
	Reason      Reason
	// Err says why there is no value. errors.Is finds ErrNotReady,
	// ErrFlagNotFound, ErrUserNotSpecified or ErrEvaluation; the text of the last
	// one says why the evaluation failed.
	Err error
	// Experiment says that an event of this evaluation would count in
	// experiments.
	Experiment bool
	// Prerequisites are the prerequisites that were evaluated, in order: all up to
	// the first that failed.
	Prerequisites []ExplainedPrerequisite
	// Rules are the rules that were evaluated, in order: all up to the first that
	// matched. It is empty if a target lists the user.
	Rules []ExplainedRule
	// Rollout is that of the rule that matched, or of the default rule; nil if the
	// evaluation reached neither.
	Rollout *ExplainedRollout
}

// ExplainedPrerequisite is another flag that must serve a variation.
type ExplainedPrerequisite struct {
	// VariationID is the variation that the other flag must serve.
	VariationID string
	Passed      bool
	// Explanation is that of the other flag. It has no Prerequisites, Rules and
	// Rollout if the same Explanation has explained that flag before. A flag that
	// is its own prerequisite passes without a Reason.
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
	// UserValue is the value of the user's attribute; Present says whether the
	// user has it.
	UserValue string
	Present   bool
	Matched   bool
	// Problem says what is wrong with the clause, such as an invalid regular
	// expression; "" if nothing is wrong.
	Problem string
	// Segments are the segments of the clause, in order, up to the first that has
	// the user.
	Segments []ExplainedSegment
}

// ExplainedSegment is a segment that a clause names.
type ExplainedSegment struct {
	ID string
	// Member says whether the segment has the user.
	Member bool
	// By says what decided: "excluded", "included", "rule", "no rule", "cycle"
	// (the segment's rules lead back to it; no one is a member then), "unknown"
	// (there is no such segment), or "explained above" (in the same Explanation).
	// If the evaluation failed here, By is "malformed", "limit" (too many segments
	// or too deep) or "error" (a rule of the segment failed).
	By string
	// Rules are the rules that were evaluated, in order, up to the first that
	// matched.
	Rules []ExplainedRule
}

// ExplainedRollout is how a rule divides its users.
type ExplainedRollout struct {
	// Bucket is the user's bucket, from 0 to 1; NaN if a share takes all users, or
	// if there are no shares.
	Bucket float64
	// BucketBy is the attribute that decides the bucket, and UserValue its value.
	// All users without the attribute have the same bucket.
	BucketBy, UserValue string
	// Shares are in the order in which they are tried. At most one is Taken.
	Shares []ExplainedShare
}

// ExplainedShare is the part of a rollout that gets one variation.
type ExplainedShare struct {
	// From and To are the ends of the share; NaN if the data has no numbers for
	// them.
	From, To float64
	// VariationID and Value are "" if the flag does not have the variation.
	VariationID, Value string
	// Taken says that the user is in this share.
	Taken bool
}
