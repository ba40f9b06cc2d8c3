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

// trust is how long the difference of the clocks is assumed to stay the same.
const trust = 10 * time.Millisecond

// stamper stamps events. Their order and time come from the monotonic clock, which
// is never set. The wall clock is read every few milliseconds only: reading both
// clocks for each event would take twice as long.
type stamper struct {
	start time.Time
	// offset is Unix nanoseconds less the monotonic clock, at the time compared. It
	// is stored first and loaded last, so that a stamp has an offset at least as
	// new as compared. Of two concurrent comparisons either may stay.
	offset, compared atomic.Int64
	// coarse: two events may have the same time, so they are numbered instead. That
	// costs a cache line that all cores share.
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
	// Unsigned, as a restored machine may have less uptime than before.
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

// limit returns the maximum of the stamps up to now.
func (s *stamper) limit() int64 {
	if s.coarse {
		return s.number.Load()
	}
	return int64(time.Since(s.start))
}
