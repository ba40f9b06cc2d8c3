package relay

import (
	"strconv"
	"testing"
)

// TestRatesForget: however many keys send events, not more than maxRates are remembered.
func TestRatesForget(t *testing.T) {
	t.Parallel()
	var l rates
	for i := range maxRates + 10 {
		if !l.take(strconv.Itoa(i), 100, 100) {
			t.Fatalf("the first events of key %d are too many", i)
		}
		if n := len(l.keys); n > maxRates {
			t.Fatalf("%d keys are remembered", n)
		}
	}
	last := strconv.Itoa(maxRates + 9)
	if !l.take(last, 100, 100) || l.take(last, 100, 100) {
		t.Error("the last key does not get what is left of 2 s")
	}
}
