package retry

import (
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

// perMinute is how many connections a client opens in a minute.
const perMinute = 12

// A connection that ends sooner than shortLife is short. After maxShort of them
// in a row, connections are opened shortSpacing apart, which is 4 a minute.
const (
	shortLife    = 10 * time.Second
	maxShort     = 10
	shortSpacing = 15 * time.Second
)

// Limit bounds how often a client opens connections to a platform that accepts
// them and then ends them: 12 a minute, and 4 a minute after ten in a row that
// ended within 10 s. Attempts that the platform does not accept do not count.
// A Limit is not safe for concurrent use.
type Limit struct {
	// First is the first pause. If it is shorter than 1 s, so are these times,
	// in proportion.
	First time.Duration

	opened [perMinute]time.Time // a ring
	latest int                  // index in opened
	short  int                  // connections in a row that ended soon
}

// Opened notes that the platform accepted a connection at that time, and that
// the connection has ended now.
func (l *Limit) Opened(at time.Time) {
	l.latest = (l.latest + 1) % perMinute
	l.opened[l.latest] = at
	if clock.Age(at) < l.scale(shortLife) {
		l.short++
	} else {
		l.short = 0
	}
}

// Wait returns how long to wait before the next connection. 0 is not at all.
func (l *Limit) Wait() time.Duration {
	oldest := l.opened[(l.latest+1)%perMinute] // the zero time is long ago
	wait := l.scale(time.Minute) - clock.Age(oldest)
	if l.short >= maxShort {
		wait = max(wait, l.scale(shortSpacing)-clock.Age(l.opened[l.latest]))
	}
	return max(wait, 0)
}

func (l *Limit) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) * min(l.First.Seconds(), 1))
}
