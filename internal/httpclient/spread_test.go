package httpclient

import (
	"math"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 1, 5, time.Minute, math.MaxInt64/4*3 + 1, math.MaxInt64} {
		for range 100 {
			if got := Spread(pause); got < pause || got-pause > pause/4 {
				t.Errorf("got %v for %v, want up to a quarter more", got, pause)
			}
		}
	}
}
