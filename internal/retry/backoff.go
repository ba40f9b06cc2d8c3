package retry

import (
	"math/rand/v2"
	"time"
)

// Schedule returns the backoff after each failure.
type Schedule interface {
	// Next returns the pause after an attempt that failed now and had taken
	// some time.
	Next(attempt time.Duration) time.Duration
	// Reset makes the next pause the first again.
	Reset()
}

var _, _ Schedule = (*Backoff)(nil), (*Outage)(nil)

// NewSchedule returns the schedule of a transport: an Outage if the transport
// works in the background, else a Backoff.
func NewSchedule(background bool, first, limit time.Duration) Schedule {
	if background {
		return &Outage{First: first, Max: limit}
	}
	return &Backoff{First: first, Max: limit}
}

// Backoff is a pause that doubles with each failure. It is the schedule of
// transports that work on demand, where a unit of work pays for each attempt.
// It is not safe for concurrent use.
type Backoff struct {
	First time.Duration // upper end of the first pause
	Max   time.Duration // upper end of all pauses; at least First

	failures uint
}

// Next returns the pause after a failure: between half and all of First,
// doubled for each failure since the last Reset, up to Max.
func (b *Backoff) Next(time.Duration) time.Duration {
	pause := Double(b.First, b.Max, b.failures)
	b.failures++
	return Shorten(pause, 0.5)
}

// Reset makes the next pause the first again.
func (b *Backoff) Reset() { b.failures = 0 }

// Double returns first, doubled a number of times, but no more than limit.
func Double(first, limit time.Duration, times uint) time.Duration {
	if first <= limit>>times { // first<<times may overflow
		return first << times
	}
	return limit
}

// Jitter is the share of a pause that Lengthen adds at most when the platform
// gives many clients the same pause, such as with Retry-After.
const Jitter = 0.25

// Lengthen adds a random part of up to share of d, so that clients that got
// the same d do not return at the same time.
func Lengthen(d time.Duration, share float64) time.Duration {
	return max(d, d+part(d, share)) // the sum may overflow
}

// Shorten subtracts a random part of up to share of d.
func Shorten(d time.Duration, share float64) time.Duration {
	return d - part(d, share)
}

func part(d time.Duration, share float64) time.Duration {
	return time.Duration(rand.Float64() * share * float64(d))
}
