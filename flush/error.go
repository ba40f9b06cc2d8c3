package flush

import (
	"errors"
	"fmt"
)

// Causes of an Error, for errors.Is.
var (
	// ErrRefused: the platform answered 401 or 403. It does not take events
	// with this secret, and this client sends none any more.
	ErrRefused = errors.New("the platform refuses events with this secret (401 or 403): check EnvSecret and EventsURL")
	// ErrQueueFull: there was no room for new events.
	ErrQueueFull = errors.New("the queue was full: deliver more often, or raise Capacity")
	// ErrClosed: the client was closed before the events could be delivered.
	ErrClosed = errors.New("ffc: the client is closed")
)

// Error is what Flush and Close return when not everything was delivered. The
// counts are of the events that were queued when the call began; where it had
// to wait for another one, also of those that came in the meantime.
type Error struct {
	Delivered int // reached the platform
	Retained  int // still queued, for the next Flush
	// Dropped counts events that were given up, also before the call, since an
	// Error last told. Stats tells the reasons.
	Dropped int
	Cause   error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("ffc: events: %d delivered, %d still queued, %d dropped: %v", e.Delivered, e.Retained, e.Dropped, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
