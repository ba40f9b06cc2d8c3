package flush

import (
	"context"
	"errors"
	"time"
)

// Batch is the body of one request with events, as the platform accepts it.
type Batch struct {
	// Environment names the environment of the events:
	// FF__account__project__environment on featureflag.co, the GUID in lower case
	// on FeatBit. It is no secret and opens nothing.
	Environment string
	// Route is the path of the platform's endpoint for the body, below its events
	// URL, such as /api/public/insight/track. It names the platform too.
	Route string
	// Body is a JSON array with users and their events: personal data. It has at
	// most 1.5 MiB.
	Body []byte
	// At is when the batch was made, by the clock of the process that made it.
	At time.Time
}

// Sink is a place for events other than the platform, for Config.Sink: a durable
// queue, from which another process delivers them.
//
// Put returns nil when the batch is durable: from then on its events count as
// delivered. After any other result the events stay queued and are put again,
// perhaps in other batches. Errors that wrap one of these have a meaning:
//
//   - ErrFull: nothing is put for 5 s, or for as long as a method RetryAfter()
//     time.Duration of the error says, up to 10 minutes. It is like a response 503
//     with Retry-After.
//   - ErrTooLarge: the batch is put again in halves. An event that alone is too
//     large is dropped and counted.
//   - ErrRejected: an event in the batch may be the reason. Events that are rejected
//     alone in several deliveries are dropped and counted.
//
// Other errors are retried like those of a connection. The text of an error is
// shown in errors and logs, up to 100 characters and without what is in quotation
// marks: it must not hold a secret or user data.
//
// Put must return when ctx ends. It may be called concurrently, up to
// Config.Requests times. It must not change b.Body, but may keep it. A Put that
// panics fails. A Put that does not return 50 ms after its context has ended is
// abandoned: its events stay queued, and may then be in the sink twice. With 8
// abandoned calls no further call begins.
type Sink interface {
	Put(ctx context.Context, b Batch) error
}

// Errors of Sinks, see Sink.
var (
	// ErrFull: the sink has no room, or accepts no more for a while.
	ErrFull = errors.New("the queue for events is full: deliver its events, or raise its limit")
	// ErrTooLarge: the batch is larger than the sink accepts.
	ErrTooLarge = errors.New("the batch is larger than the queue for events accepts")
)
