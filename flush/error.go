package flush

import (
	"errors"
	"fmt"
)

// ErrRefused is the cause of an Error after the platform answered 401 or 403:
// it does not take events with this secret, and none are sent any more.
var ErrRefused = errors.New("the platform refuses events with this secret (401 or 403): check EnvSecret and EventsURL")

// ErrClosed is the cause of an Error when Close gave up the events, or ended
// their delivery.
var ErrClosed = errors.New("closed")

// Error is what Flush returns when it did not deliver everything. The counts
// are of the events that were queued when it began; where it had to wait for
// another Flush, also of those that came in the meantime.
type Error struct {
	Delivered int // reached the platform
	Retained  int // still queued, for the next Flush
	Dropped   int // given up; Stats tells why
	Cause     error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("ffc: events: %d delivered, %d still queued, %d dropped: %v", e.Delivered, e.Retained, e.Dropped, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
