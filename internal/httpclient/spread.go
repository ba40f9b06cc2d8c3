package httpclient

import (
	"math/rand/v2"
	"time"
)

// Spread adds a random part of up to a quarter to a pause that many clients
// are given alike, so that they do not come back all at once.
func Spread(pause time.Duration) time.Duration {
	return max(pause, pause+time.Duration(rand.Float64()*float64(pause/4))) // the sum may overflow
}
