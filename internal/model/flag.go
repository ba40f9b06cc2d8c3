package model

// Flag is one feature flag.
type Flag struct {
	Key  string
	Name string // for people
	// Enabled is false for a flag that is switched off: it serves Off.
	Enabled bool
	Off     int // index into Variations, or Missing
	// Variations are all values the flag can serve, each once.
	Variations    []Variation
	Prerequisites []Prerequisite
	Targets       []Target
	Rules         []Rule
	// Fallthrough, the default rule, is for users that no target and no rule
	// matches.
	Fallthrough Rollout
	// ExperimentAll says whether every user counts in experiments, those
	// matched by targets included. Unset means yes.
	ExperimentAll Tri
}

// Variation is a value of a flag and its id on the platform.
type Variation struct {
	ID    string
	Value string
}

// Missing stands for a variation that the flag does not have.
const Missing = -1

// Prerequisite is another flag that must serve a given variation.
type Prerequisite struct {
	FlagKey     string
	VariationID string
}

// Target serves one variation to the users with certain keys.
type Target struct {
	Keys List
	// Variation is an index into Flag.Variations, or Missing.
	Variation int
}

// Rule serves its rollout to users who match all clauses.
type Rule struct {
	ID      string
	Name    string
	Clauses []Clause
	Rollout Rollout
}

// Clause is one condition of a rule. Lists are JSON text inside Value.
type Clause struct {
	Property string
	Operator string
	Value    string
	// Malformed says why the clause cannot be decided; "" if it is valid.
	Malformed string
}

// Rollout divides users over variations.
type Rollout struct {
	Shares []Share
	// BucketBy names the attribute that decides the share; "" is the user's key.
	BucketBy string
	// Experiment says whether users who reach the rollout count in experiments.
	Experiment Tri
}

// Share is the part of a rollout that gets one variation: users whose bucket
// lies between From and To.
type Share struct {
	From, To  float64
	Variation int // index into Flag.Variations, or Missing
	// Experiment is the part of all users, not of this share, that counts in
	// experiments; nil is all users of the share.
	Experiment *float64
}

// Tri is a yes or no that may be unset.
type Tri uint8

// The values of Tri.
const (
	Unset Tri = iota
	No
	Yes
)

// TriOf returns Yes or No.
func TriOf(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

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
