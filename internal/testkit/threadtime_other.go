//go:build !linux

package testkit

import "time"

var start = time.Now()

// threadTime is time by the clock, where a thread's is not to be had.
func threadTime() time.Duration { return time.Since(start) }
