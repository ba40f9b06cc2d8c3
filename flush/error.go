package flush

import (
	"errors"
	"fmt"
)

// Causes of an Error, for errors.Is.
var (
	// ErrRefused: the platform, or a firewall before it, answered 401 or 403.
	// Events stay queued up to Config.Capacity. In the background deliveries go
	// on, with pauses of at most 10 min; each Flush sends a request.
	ErrRefused = errors.New("the platform refuses events with this secret (401 or 403): check the secret and the events URL")
	// ErrRejected: the platform answered 400, 422 or 500, perhaps because of an
	// event in the request. Further deliveries find out whether there is one and
	// drop it as Dropped.Rejected; the others are delivered.
	ErrRejected = errors.New("an event in the request may be the reason")
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
