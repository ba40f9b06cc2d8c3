package retry

import (
	"math"
	"testing"
	"time"
)

func TestJitterStaysInItsShare(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, 1, 5, time.Minute, math.MaxInt64/4*3 + 1, math.MaxInt64} {
		for range 100 {
			if got := Lengthen(d, 0.25); got < d || got-d > d/4 {
				t.Errorf("Lengthen(%v, 0.25) is %v: expected up to a quarter more", d, got)
			}
			if got := Shorten(d, 0.1); got > d || d-got > d/10 {
				t.Errorf("Shorten(%v, 0.1) is %v: expected up to a tenth less", d, got)
			}
		}
	}
}

func TestJitterIsRandom(t *testing.T) {
	t.Parallel()
	low, high := time.Hour, time.Duration(0)
	for range 1000 {
		d := Lengthen(time.Hour, 1) - time.Hour
		low, high = min(low, d), max(high, d)
	}
	if low > 5*time.Minute || high < 55*time.Minute {
		t.Errorf("1000 additions lie between %v and %v: expected most of 0 to 1h", low, high)
	}
}
