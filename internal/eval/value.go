package eval

import (
	"math"
	"strconv"
	"strings"
)

// Variation is one value of a flag, with what the typed getters need read out
// of it beforehand.
type Variation struct {
	ID    string
	Value string
	// Float is the value as a finite decimal number.
	Float   float64
	IsFloat bool
	// Int is that number without its fraction, exact however large.
	Int   int
	IsInt bool
	// Bool is the value as a truth value.
	Bool   bool
	IsBool bool
}

// plainVariation reads the value's types where only plain numbers and truth
// values are any (FeatBit reference, section 6.6).
func plainVariation(id, value string) Variation {
	v := Variation{ID: id, Value: value}
	v.Float, v.IsFloat = parsePlain(value)
	v.Bool = equalFold(value, "true")
	v.IsBool = v.Bool || equalFold(value, "false")
	if i, err := strconv.Atoi(strings.TrimFunc(value, isSpace)); err == nil {
		v.Int, v.IsInt = i, true
	}
	return v
}

// NewVariation reads the value's types.
func NewVariation(id, value string) Variation {
	v := Variation{ID: id, Value: value}
	v.Bool, v.IsBool = parseBool(value)
	if f, ok := ParseNumber(value); ok && !math.IsInf(f, 0) && !math.IsNaN(f) {
		v.Float, v.IsFloat = f, true
		// float64(math.MaxInt) rounds up to a power of two that does not fit.
		if f >= float64(math.MinInt) && f < -float64(math.MinInt) {
			v.Int, v.IsInt = int(f), true
		}
		// A float64 is not exact beyond 2^53.
		if i, err := strconv.Atoi(value); err == nil {
			v.Int, v.IsInt = i, true
		}
	}
	return v
}

// parseBool accepts the words of protocol reference, section 7.6, in any case.
func parseBool(s string) (value, ok bool) {
	for _, word := range [...]string{"true", "on", "yes", "t", "y", "1"} {
		if equalFold(s, word) {
			return true, true
		}
	}
	for _, word := range [...]string{"false", "off", "no", "f", "n", "0"} {
		if equalFold(s, word) {
			return false, true
		}
	}
	return false, false
}
