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
// error must wrap ErrTooLarge.
type Queue interface {
	Sink
	// Take returns up to most batches, at least one. It waits for them until ctx ends;
	// then it returns the cause of ctx. A batch that is taken goes to no other Take for
	// about 60 s, or until Delivery.Again gives it back. After that it is taken again,
	// unless Delivery.Done has removed it: each batch is taken at least once. The order
	// is roughly that of Put.
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
