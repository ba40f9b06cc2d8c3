package flush

import (
	"context"
	"time"
)

// Queue keeps batches of events durably until a relay.Forwarder has delivered them. Any
// number of processes may put and take. Package relay/queuetest tests implementations.
//
// Put, of Sink, returns nil once the batch is durable, and an error that wraps
// ErrFull if there is no room. A batch of up to 1.5 MiB must be accepted, or its
// error must wrap ErrTooLarge. Put does not use Batch.Body after it has returned.
type Queue interface {
	Sink
	// Take returns up to most batches, at least one; most below 1 is 1. It waits for
	// them until ctx ends; then it returns the cause of ctx. A batch that is taken goes
	// to no other Take for about 60 s, or until Delivery.Again gives it back. After that
	// it is taken again, unless Delivery.Done has removed it: each batch is taken at
	// least once. The order is roughly that of Put.
	Take(ctx context.Context, most int) ([]Delivery, error)
}

// Delivery is a batch that was taken from a Queue. Its functions block until the
// queue has responded or ctx ends. They may be called concurrently with those of
// other deliveries.
type Delivery struct {
	Batch
	// Tries is how often the batch was taken, this time included.
	Tries int
	// Extend makes the queue wait for another 60 s from now on.
	Extend func(ctx context.Context) error
	// Done removes the batch.
	Done func(ctx context.Context) error
	// Again gives the batch back. It is taken again after about the time after; a
	// queue may shorten that to 60 s.
	Again func(ctx context.Context, after time.Duration) error
}

// QueueSizer is an optional interface of a Queue, for monitoring.
type QueueSizer interface {
	// Size returns what is in the queue: one QueueSize for each environment, or one for
	// all together. It blocks until the queue has responded or ctx ends, and may be
	// called concurrently. It changes nothing.
	Size(ctx context.Context) ([]QueueSize, error)
}

// QueueSize is what a queue has, those batches included that are taken and not done.
// Counts may be some seconds old.
type QueueSize struct {
	// Environment is that of the batches; "" is all environments together.
	Environment string
	// Batches is how many batches there are.
	Batches int64
	// Bytes is how many bytes they take in the queue; -1 if the queue does not report it.
	Bytes int64
	// Oldest is when the oldest batch was put, by the clock of the queue. It is zero if
	// there is no batch, or the queue does not report it.
	Oldest time.Time
}
