package ffc

import (
	"errors"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
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
	// ErrWrongType: the flag's value cannot be read as the type asked for.
	ErrWrongType = errors.New("ffc: the flag's value is of another type")
	// ErrEvaluation: the flag is malformed, its prerequisites form a cycle, or
	// its evaluation has reached one of the limits of docs/limits.md. The
	// client's log and Explain say more.
	ErrEvaluation = errors.New("ffc: the flag cannot be evaluated")
)

// errLimit is ErrEvaluation with the reason.
var errLimit = fmt.Errorf("%w: its evaluation looks at too many flags, segments and clauses (Client.Explain shows which)", ErrEvaluation)
