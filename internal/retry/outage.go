package retry

import (
	"math/rand/v2"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

const (
	// longOutage and veryLongOutage are the lengths of an outage from which the
	// pauses are longer.
	longOutage     = 2 * time.Minute
	veryLongOutage = 15 * time.Minute
	// maxAttempt is how much of the time of one attempt counts as outage. A
	// process that was frozen, or whose clock was set, saw no outage meanwhile.
	maxAttempt = time.Minute
)

// Outage is the reconnect policy of background transports: how long to wait
// after each failed attempt. An outage begins with the first failure and ends
// with Reset. An Outage is not safe for concurrent use.
//
// Of First, the first pause is 0.5 to 1 times, the second 1 to 2 times, further
// ones 2 to 4 times, and 5 to 12 times once the outage has lasted 2 min. After
// 15 min the pause is half to all of Max. No pause is longer than Max.
type Outage struct {
	First time.Duration
	Max   time.Duration // at least First

	failures int
	late     bool          // this outage uses the upper ends of short pauses
	failedAt time.Time     // the last failure
	pause    time.Duration // after failedAt
	length   time.Duration // until failedAt
}

// Next returns the pause after an attempt that failed now and had taken some
// time. In an outage of 2 min or more that time counts as part of the pause, so
// that attempts that hang do not slow the client down.
func (o *Outage) Next(attempt time.Duration) time.Duration {
	if o.failures == 0 {
		o.late = rand.IntN(2) == 0
	} else {
		o.length += min(clock.Age(o.failedAt), o.pause+maxAttempt)
	}
	o.failures++
	o.failedAt = time.Now()
	switch {
	case o.length >= veryLongOutage:
		o.pause = max(Shorten(o.Max, 0.5)-attempt, o.between(0.5, 1))
	case o.length >= longOutage:
		o.pause = max(o.between(5, 12)-attempt, o.between(0.5, 1))
	case o.failures == 1:
		o.pause = o.part(0.5, 1)
	case o.failures == 2:
		o.pause = o.part(1, 2)
	default:
		o.pause = o.between(2, 4)
	}
	return o.pause
}

// Reset ends the outage: the transport has the platform's data.
func (o *Outage) Reset() { *o = Outage{First: o.First, Max: o.Max} }

// between returns a random pause between low and high times First.
func (o *Outage) between(low, high float64) time.Duration {
	if most := float64(o.Max) / float64(o.First); high > most {
		low, high = low/high*most, most
	}
	pause := (low + rand.Float64()*(high-low)) * float64(o.First)
	if pause >= float64(o.Max) { // the conversion may overflow
		return o.Max
	}
	return time.Duration(pause)
}

// part returns a random pause in the lower or the upper third of that range.
//
// A restart cuts all clients at the same time. Two random pauses in a row add
// up to a bell curve: nine of ten clients would return within one second. Half
// of the clients keep to the lower third in both pauses, half to the upper
// third, so that they return in two groups, a second apart.
func (o *Outage) part(low, high float64) time.Duration {
	third := (high - low) / 3
	if o.late {
		return o.between(high-third, high)
	}
	return o.between(low, low+third)
}
