// Package clock tells the age of things in processes that may have been frozen
// in between and on machines whose clock may be set.
package clock

import "time"

// Age is how long ago t was: the larger of what the monotonic clock and the
// wall clock say. The monotonic clock can stand still while a process is
// frozen; the wall clock can be set back. t must come from time.Now.
func Age(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)), 0)
}
