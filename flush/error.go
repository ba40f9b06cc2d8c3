package flush

import (
	"errors"
	"fmt"
)

// Causes of an Error, for errors.Is.
var (
	// ErrRefused: the platform, or a firewall in front of it, rejected the secret
	// with 401 or 403. Events stay queued, up to Config.Capacity. Deliveries in
	// the background continue after pauses of at most 10 minutes. Each Flush sends
	// a request.
	ErrRefused = errors.New("the platform rejected events with this secret (401 or 403): check the secret and the events URL")
	// ErrRejected: the platform responded with 400, 422 or 500, or the Sink with this
	// error, perhaps because of an event in the request. Further deliveries look for
	// such an event and drop it as Dropped.Rejected; all others are delivered.
	ErrRejected = errors.New("an event in the request may be the reason")
	// ErrQueueFull: the queue had no room for new events.
	ErrQueueFull = errors.New("the queue was full: deliver more often, or raise Capacity")
	// ErrClosed: the client was closed before the events were delivered.
	ErrClosed = errors.New("ffc: the client is closed")
)

// Error is the error of Flush and Close when not all events were delivered. It
// counts the events that were queued when the call began. If the call waited for
// another delivery, it also counts events that were queued during that wait.
type Error struct {
	Delivered int // accepted by the platform
	Retained  int // still queued, for the next Flush
	// Dropped counts events that were dropped since the last Error, also before
	// the call. Stats counts them by reason.
	Dropped int
	Cause   error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("ffc: events: %d delivered, %d still queued, %d dropped: %v", e.Delivered, e.Retained, e.Dropped, e.Cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }
