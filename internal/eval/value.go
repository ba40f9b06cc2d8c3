package eval

import (
	"math"
	"strconv"
	"strings"
)

// Variation is one value of a flag, parsed in advance for the typed getters.
type Variation struct {
	ID    string
	Value string
	// Float is the value as a finite decimal number.
	Float float64
	// Int is that number without its fraction, exact however large.
	Int int
	// Bool is the value as a truth value.
	Bool bool
	// The types that the value has.
	IsFloat, IsInt, IsBool bool
}

// plainVariation parses the value, accepting only plain numbers and truth
// values (FeatBit reference, section 6.6).
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

// NewVariation returns a variation with its value parsed as each type.
func NewVariation(id, value string) Variation {
	v := Variation{ID: id, Value: value}
	v.Bool, v.IsBool = parseBool(value)
	if f, ok := ParseNumber(value); ok && !math.IsInf(f, 0) && !math.IsNaN(f) {
		v.Float, v.IsFloat = f, true
		v.Int, v.IsInt = truncated(strings.TrimFunc(value, isSpace))
	}
	return v
}

// truncated cuts the fraction off a number in the form that decimalGrammar
// accepts. It works on the digits, as a float64 is not exact beyond 2^53. It
// fails if an int cannot hold the number.
func truncated(s string) (int, bool) {
	negative := strings.HasPrefix(s, "-")
	s = s[skipSign(s, 0):]
	exponent := 0
	if at := strings.IndexAny(s, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(strings.ReplaceAll(s[at+1:], "_", "")); err != nil {
			exponent = maxExponent // or its opposite: too many digits for an int
			if s[at+1] == '-' {
				exponent = -maxExponent
			}
		}
		s = s[:at]
	}
	whole, fraction, _ := strings.Cut(strings.ReplaceAll(s, "_", ""), ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return 0, true
	}
	// The point is after this many of the digits.
	point := len(digits) - len(fraction) + exponent
	switch {
	case point <= 0:
		return 0, true
	case point > maxIntDigits:
		return 0, false
	case point > len(digits):
		digits += strings.Repeat("0", point-len(digits))
	}
	digits = digits[:point]
	if negative {
		digits = "-" + digits
	}
	i, err := strconv.Atoi(digits)
	return i, err == nil
}

// maxIntDigits is the maximum number of digits of an int of 64 bits.
const maxIntDigits = 19

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
