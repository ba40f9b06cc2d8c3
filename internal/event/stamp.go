package event

import (
	"sync/atomic"
	"time"
)

// stamp is when an event was recorded.
type stamp struct {
	at        int64 // orders events
	unixMilli int64
}

// trust is for how long the clocks are taken to differ by the same.
const trust = 10 * time.Millisecond

// stamper stamps events. Their order is by the monotonic clock, which no
// clock change disturbs, and so is their time, with a look at the wall clock
// every few milliseconds: reading both for each event would take twice as long.
type stamper struct {
	start time.Time
	// offset is Unix nanoseconds less the monotonic clock, as of when that was
	// compared. It is stored first and loaded last, so that a stamp has one no
	// older than it thinks. Of two comparisons at one time either may stay.
	offset, compared atomic.Int64
	// coarse: the clock may stand still from one event to the next, so they
	// are numbered instead. That costs a cache line that all cores share.
	coarse bool
	number atomic.Int64
}

func newStamper() *stamper {
	s := &stamper{start: time.Now(), coarse: coarseClock()}
	s.compare()
	return s
}

// coarseClock reports whether the clock moves in steps in which a goroutine can
// record several events, as it does on Windows.
func coarseClock() bool {
	for range 16 {
		if step := time.Since(time.Now()); step > 0 && step < 10*time.Microsecond {
			return false
		}
	}
	return true
}

// now stamps an event.
func (s *stamper) now() stamp {
	at := int64(time.Since(s.start))
	// Without sign, as a restored machine may have less uptime than before.
	if uint64(at-s.compared.Load()) >= uint64(trust) {
		s.compare()
	}
	now := stamp{at, (s.offset.Load() + at) / int64(time.Millisecond)}
	if s.coarse {
		now.at = s.number.Add(1)
	}
	return now
}

// compare reads both clocks.
func (s *stamper) compare() {
	now := time.Now()
	at := int64(now.Sub(s.start))
	s.offset.Store(now.UnixNano() - at)
	s.compared.Store(at)
}

// limit is what the stamps up to now do not exceed.
func (s *stamper) limit() int64 {
	if s.coarse {
		return s.number.Load()
	}
	return int64(time.Since(s.start))
}
