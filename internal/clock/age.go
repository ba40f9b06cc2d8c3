// Package clock tells the age of things in processes that may have been frozen
// in between and on machines whose clock may be set.
package clock

import "time"

// Age is how long ago t was, as far as the clocks tell. t must come from
// time.Now.
func Age(t time.Time) time.Duration {
	now := time.Now()
	return age(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// age is the larger of what the monotonic clock and the wall clock say has
// passed. The monotonic clock can stand still while a process is frozen; the
// wall clock can be set back, and when it is set forward an age is too large,
// which costs a refresh that was not needed yet.
func age(monotonic, wall time.Duration) time.Duration { return max(monotonic, wall, 0) }
