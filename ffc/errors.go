package ffc

import (
	"errors"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
)

// Errors of this package, for errors.Is.
var (
	// ErrNotReady: there is no data yet, or the client has been closed.
	ErrNotReady = errors.New("ffc: the client has no data: it is not ready yet, or closed")
	// ErrClosed: the client has been closed.
	ErrClosed = flush.ErrClosed
	// ErrFlagNotFound: the environment has no flag with this key, or it is
	// archived.
	ErrFlagNotFound = errors.New("ffc: the environment has no such flag")
	// ErrUserNotSpecified: the user has no key.
	ErrUserNotSpecified = errors.New("ffc: the user has no key")
	// ErrWrongType: the flag's value cannot be read as the type of the call.
	ErrWrongType = errors.New("ffc: the flag's value is of another type")
	// ErrEvaluation: the flag is malformed, its prerequisites form a cycle, or
	// its evaluation reached one of the limits of docs/limits.md. The client's
	// log and Explain have the details.
	ErrEvaluation = errors.New("ffc: the flag cannot be evaluated")
	// ErrInvalidAttribute: the evaluation needs an attribute that is Invalid. It
	// is also an ErrEvaluation.
	ErrInvalidAttribute = fmt.Errorf("%w: it needs an attribute of the user that is invalid (Client.Explain shows which)", ErrEvaluation)
)

// ConfigError is the error of one invalid field of Config. New joins the errors
// of all invalid fields: errors.As finds the first, and the method
// Unwrap() []error of New's error returns all. No ConfigError holds a secret.
type ConfigError struct {
	// Field is the name of the field in Config, such as EnvSecret. Fields of
	// Events and of the transports in packages stream, poll and fleet have their
	// path as name: Events.Capacity, Transport.MaxAge, Transport.Fallback.MaxAge.
	// For errors of other transports, Field is Transport.
	Field string
	// Err says what is wrong and what is expected. Its text does not contain the
	// name of the field.
	Err error
}

// Error implements error.
func (e *ConfigError) Error() string { return fmt.Sprintf("ffc: Config.%s: %v", e.Field, e.Err) }

// Unwrap returns Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// configErrors has a *ConfigError for each invalid setting.
type configErrors []error

// add adds the settings in err, an error of this field of Config or nil.
func (errs *configErrors) add(field string, err error) {
	for _, inner := range setting.Within(field, err) {
		*errs = append(*errs, &ConfigError{inner.Field, inner.Err})
	}
}

// wrongTypes has ErrWrongType for each kind of getter, with what was expected. For
// JSON and ParseDetail the error of the decoder says it.
var wrongTypes = [...]error{
	kindString: ErrWrongType,
	kindBool:   fmt.Errorf("%w: expected a boolean", ErrWrongType),
	kindInt:    fmt.Errorf("%w: expected a whole number that an int holds", ErrWrongType),
	kindFloat:  fmt.Errorf("%w: expected a number", ErrWrongType),
	kindJSON:   ErrWrongType,
	kindParsed: ErrWrongType,
}

// errLimit is ErrEvaluation with the reason.
var errLimit = fmt.Errorf("%w: its evaluation reads too many flags, segments and clauses (Client.Explain shows which)", ErrEvaluation)
