package flush

// Stats counts events since the processor was made. At any time
//
//	Recorded = Delivered + Queued + Dropped.Total()
//
// where a delivery that is under way counts as Queued, and its requests are not
// counted yet.
type Stats struct {
	Recorded  uint64
	Delivered uint64
	Queued    uint64
	Dropped   Dropped
	// Resent counts events that were sent although an earlier request with
	// them may have arrived, as its answer was lost. The platform may have
	// counted them twice.
	Resent   uint64
	Requests uint64 // retries included
}

// Dropped counts lost events by reason.
type Dropped struct {
	QueueFull uint64 // Config.Capacity events were waiting, or their users took too much memory
	Rejected  uint64 // the platform answered a status that no retry changes
	TooLarge  uint64 // a single event was larger than 1 MiB, or too large for the platform (413)
	Refused   uint64 // recorded or queued after a 401 or 403
	Closed    uint64 // could not be delivered before Close was over, or came later
}

// Total is the sum over all reasons.
func (d Dropped) Total() uint64 {
	return d.QueueFull + d.Rejected + d.TooLarge + d.Refused + d.Closed
}
