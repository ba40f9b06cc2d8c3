package eval

// Reason is the reason for the result of an evaluation.
type Reason uint8

// The reasons. The first five come with a variation, the others without one.
const (
	ReasonNone Reason = iota
	ReasonOff
	ReasonPrerequisiteFailed
	ReasonTargetMatch
	ReasonRuleMatch
	ReasonFallthrough
	ReasonError
	ReasonLimit // an error as well: the evaluation has reached one of its limits
	ReasonNotReady
	ReasonFlagNotFound
	ReasonUserNotSpecified
	ReasonWrongType

	reasons
)

// Reasons is the number of reasons.
const Reasons = int(reasons)

// String returns the platform's text for the reason.
func (r Reason) String() string { return reasonTexts[r] }

var reasonTexts = [...]string{
	ReasonNone:               "",
	ReasonOff:                "flag off",
	ReasonPrerequisiteFailed: "prerequisite failed",
	ReasonTargetMatch:        "target match",
	ReasonRuleMatch:          "rule match",
	ReasonFallthrough:        "fall through all rules",
	ReasonError:              "error in evaluation",
	ReasonLimit:              "error in evaluation",
	ReasonNotReady:           "client not ready",
	ReasonFlagNotFound:       "flag not found",
	ReasonUserNotSpecified:   "user not specified",
	ReasonWrongType:          "wrong type",
}
