package ffc

import "github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"

// Reason says why an evaluation returned its value. The texts are the platform's
// and do not change.
type Reason string

// The reasons. With the first five the value is the flag's. With the others the
// value is the fallback, and no event is recorded.
const (
	ReasonFlagOff            Reason = "flag off"
	ReasonPrerequisiteFailed Reason = "prerequisite failed"
	ReasonTargetMatch        Reason = "target match"
	ReasonRuleMatch          Reason = "rule match"
	ReasonFallthrough        Reason = "fall through all rules"

	ReasonClientNotReady   Reason = "client not ready"
	ReasonFlagNotFound     Reason = "flag not found"
	ReasonUserNotSpecified Reason = "user not specified"
	ReasonWrongType        Reason = "wrong type"
	ReasonError            Reason = "error in evaluation"
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
