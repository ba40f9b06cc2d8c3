package flush

import "time"

// Stats counts events since the client was made. At any time
//
//	Recorded = Delivered + Queued + Dropped.Total() + Deduplicated
//
// where an event counts as Queued until the platform has responded to its
// request.
type Stats struct {
	Recorded  uint64 // evaluations and metrics since the client was made
	Delivered uint64 // accepted by the platform
	Queued    uint64 // now
	Dropped   Dropped
	// Deduplicated counts events that were not sent because of Config.Once.
	Deduplicated uint64
	// Omitted counts events of flags in Config.OmitFlags. Recorded does not
	// include them.
	Omitted uint64
	// Resent counts events that were sent again although an earlier request with
	// them may have arrived, because its response was lost. The platform may have
	// counted them twice.
	Resent   uint64
	Requests uint64 // retries included
	// Err is the reason why the last delivery left events in the queue or dropped
	// some. It is nil if the last delivery did neither. errors.Is(Err,
	// ErrRefused) reports that the platform rejects the secret.
	Err error
	// PausedUntil is when deliveries in the background continue, after the
	// platform rejected a delivery or sent Retry-After. It is zero if they do not
	// pause.
	PausedUntil time.Time
}

// Dropped counts dropped events by reason.
type Dropped struct {
	QueueFull uint64 // Config.Capacity events were queued, or their users took too much memory
	Rejected  uint64 // the platform rejected the event alone, in three deliveries or more (400, 422 or 500)
	TooLarge  uint64 // a single event was larger than 1 MiB, or too large for the platform (413)
	Closed    uint64 // not delivered before Close returned, or recorded after Close
}

// Total returns the sum over all reasons.
func (d Dropped) Total() uint64 {
	return d.QueueFull + d.Rejected + d.TooLarge + d.Closed
}
