package eval

import (
	"math"
	"strconv"
	"strings"
)

// parseFeatBit reads a number as FeatBit's server does (docs/featbit.md, section
// 6.2). Surrounding white space is U+0009 to U+000D and U+0020. There is an
// optional sign, then ASCII digits with an optional point and exponent. Commas
// may stand anywhere after the first digit and before the point or exponent, and
// mean nothing. "Infinity" is a number in any case. "NaN" is rejected: it
// compares false with every number.
//
// Numbers that are too large are infinite. parseFeatBit allocates only for texts
// of more than maxStackNumber bytes that have commas.
func parseFeatBit(s string) (float64, bool) {
	if f, ok := shortDecimal(s); ok {
		return f, true
	}
	s = strings.TrimFunc(s, isFeatBitSpace)
	from := skipSign(s, 0)
	if equalFold(s[from:], "infinity") {
		return infinity(s), true
	}
	d, ok := scanFeatBit(s, from)
	if !ok {
		return 0, false
	}
	if d.overflows(s[from:]) {
		return infinity(s), true // ParseFloat would allocate an error
	}
	if !d.commas {
		f, _ := strconv.ParseFloat(s, 64)
		return f, true
	}
	var buf [maxStackNumber]byte
	plain := buf[:0]
	for i := range len(s) {
		if s[i] != ',' {
			plain = append(plain, s[i])
		}
	}
	f, _ := strconv.ParseFloat(string(plain), 64)
	return f, true
}

const maxStackNumber = 128

// isFeatBitSpace leaves out what .NET does not trim from numbers, such as U+00A0.
func isFeatBitSpace(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

func infinity(signed string) float64 {
	if strings.HasPrefix(signed, "-") {
		return math.Inf(-1)
	}
	return math.Inf(1)
}

// featBitDecimal is the shape of a number's text.
type featBitDecimal struct {
	commas bool
	// exponent is the power of ten of the first digit that is not 0, limited
	// to ±maxExponent. It is -maxExponent if all digits are 0.
	exponent int
}

// maxExponent is larger than the exponent of any float64, whatever the digits.
const maxExponent = 100_000

// scanFeatBit checks the text after the sign.
func scanFeatBit(s string, i int) (d featBitDecimal, ok bool) {
	digits, whole, zeros := 0, 0, 0 // whole: digits before the point; zeros: leading ones
	point, significant := false, false
scan:
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			digits++
			if !point {
				whole++
			}
			significant = significant || c != '0'
			if !significant {
				zeros++
			}
		case c == ',' && digits > 0 && !point:
			d.commas = true
		case c == '.' && !point:
			point = true
		default:
			break scan
		}
	}
	if digits == 0 {
		return d, false
	}
	exponent := 0
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		sign := 1
		if i++; i < len(s) && s[i] == '-' {
			sign = -1
		}
		i = skipSign(s, i)
		if i == len(s) {
			return d, false
		}
		for ; i < len(s) && isDigit(s[i]); i++ {
			exponent = min(exponent*10+int(s[i]-'0'), 10*maxExponent)
		}
		exponent *= sign
	}
	if i < len(s) {
		return d, false
	}
	d.exponent = -maxExponent
	if significant {
		d.exponent = max(-maxExponent, min(whole-zeros-1+exponent, maxExponent))
	}
	return d, true
}

// overflow is the smallest number that rounds to infinity, 2^1024-2^970, whose
// exponent of ten is overflowExponent.
const (
	overflow = "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633" +
		"02864166928879109465555478519404026306574886715058206819089020007083836762738548458177115317644757302700" +
		"69855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792"
	overflowExponent = 308
)

// overflows reports whether the number is too large for a float64.
func (d *featBitDecimal) overflows(unsigned string) bool {
	if d.exponent != overflowExponent {
		return d.exponent > overflowExponent
	}
	next := 0
	for i := range len(unsigned) {
		c := unsigned[i]
		if next == 0 && c == '0' || c == ',' || c == '.' {
			continue
		}
		if !isDigit(c) || next == len(overflow) {
			break
		}
		if c != overflow[next] {
			return c > overflow[next]
		}
		next++
	}
	// The digits so far are equal: the rest of the threshold decides.
	return strings.Trim(overflow[next:], "0") == ""
}
