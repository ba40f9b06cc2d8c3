package retry

import (
	"math/rand/v2"
	"time"
)

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
