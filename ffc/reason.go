package ffc

import "github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"

// Reason says why an evaluation returned its value. The texts are the platform's
// and do not change.
type Reason string

// The reasons. With the first five the value is the flag's. With the others the
// value is the fallback, and no event is recorded.
const (
	// ReasonFlagOff: the flag is off, so the value is its off variation.
	ReasonFlagOff Reason = "flag off"
	// ReasonPrerequisiteFailed: another flag does not serve the variation that
	// this flag requires, so the value is the off variation.
	ReasonPrerequisiteFailed Reason = "prerequisite failed"
	// ReasonTargetMatch: a target of the flag lists the user's key.
	ReasonTargetMatch Reason = "target match"
	// ReasonRuleMatch: the user matches all conditions of a rule.
	ReasonRuleMatch Reason = "rule match"
	// ReasonFallthrough: no target and no rule matches, so the default rule
	// decides.
	ReasonFallthrough Reason = "fall through all rules"

	// ReasonClientNotReady: see ErrNotReady.
	ReasonClientNotReady Reason = "client not ready"
	// ReasonFlagNotFound: see ErrFlagNotFound.
	ReasonFlagNotFound Reason = "flag not found"
	// ReasonUserNotSpecified: see ErrUserNotSpecified.
	ReasonUserNotSpecified Reason = "user not specified"
	// ReasonWrongType: see ErrWrongType.
	ReasonWrongType Reason = "wrong type"
	// ReasonError: see ErrEvaluation.
	ReasonError Reason = "error in evaluation"
)

// resultError returns the error of a Detail with this result of a getter of this
// kind.
func resultError(r *eval.Result, kind valueKind) error {
	switch r.Reason {
	case eval.ReasonNotReady:
		return ErrNotReady
	case eval.ReasonFlagNotFound:
		return ErrFlagNotFound
	case eval.ReasonUserNotSpecified:
		return ErrUserNotSpecified
	case eval.ReasonWrongType:
		return wrongTypes[kind]
	case eval.ReasonError:
		if r.InvalidAttribute {
			return ErrInvalidAttribute
		}
		return ErrEvaluation
	case eval.ReasonLimit:
		return errLimit
	}
	return nil
}
