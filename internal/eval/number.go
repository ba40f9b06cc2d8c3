package eval

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// ParseNumber reads a decimal number: optional sign, digits with an optional
// point and exponent, single underscores between digits, "inf", "infinity" and
// "nan" in any case, surrounding white space. Hexadecimal is rejected (protocol
// reference, section 6.4). It allocates only for numbers that overflow and for
// long ones with underscores.
func ParseNumber(s string) (float64, bool) {
	if f, ok := shortDecimal(s); ok {
		return f, true
	}
	s = strings.TrimFunc(s, isSpace)
	digits, ok := decimalGrammar(s)
	if !ok {
		return 0, false
	}
	if !digits {
		return parseSpecial(s)
	}
	if strings.IndexByte(s, '_') >= 0 {
		var buf [32]byte
		plain := buf[:0]
		for i := range len(s) {
			if s[i] != '_' {
				plain = append(plain, s[i])
			}
		}
		return parseDigits(string(plain))
	}
	return parseDigits(s)
}

// parsePlain reads a finite decimal number: optional sign, digits with an
// optional point and exponent, surrounding white space. It reads the values of
// FeatBit's flags.
func parsePlain(s string) (float64, bool) {
	if f, ok := shortDecimal(s); ok {
		return f, true
	}
	s = strings.TrimFunc(s, isSpace)
	if digits, ok := decimalGrammar(s); !ok || !digits || strings.IndexByte(s, '_') >= 0 {
		return 0, false
	}
	f, _ := parseDigits(s)
	return f, !math.IsInf(f, 0)
}

// parseDigits reads a number that decimalGrammar accepted. The only possible
// error is overflow, which means infinity.
func parseDigits(s string) (float64, bool) {
	f, _ := strconv.ParseFloat(s, 64)
	return f, true
}

// roundTo5 rounds to five decimals from the exact binary value, ties to even.
func roundTo5(f float64) float64 {
	if f == math.Trunc(f) || math.IsNaN(f) { // whole, or infinite
		return f
	}
	var buf [32]byte
	f, _ = strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], f, 'f', 5, 64)), 64)
	return f
}

// shortDecimal reads numbers of up to 15 digits, at most 5 of them decimals,
// exactly: a float64 holds both the digits and the power of ten exactly, so
// their quotient is correctly rounded. Rounding such a number to five decimals
// gives the number itself.
func shortDecimal(s string) (float64, bool) {
	i := 0
	negative := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		negative = s[i] == '-'
		i++
	}
	if len(s)-i > 16 {
		return 0, false
	}
	mantissa, digits, point := int64(0), 0, -1
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			mantissa = mantissa*10 + int64(c-'0')
			digits++
		case c == '.' && point < 0:
			point = digits
		default:
			return 0, false
		}
	}
	if digits == 0 || digits > 15 {
		return 0, false
	}
	f := float64(mantissa)
	if point >= 0 {
		decimals := digits - point
		if decimals > 5 {
			return 0, false
		}
		f /= powersOf10[decimals]
	}
	if negative {
		f = -f
	}
	return f, true
}

var powersOf10 = [...]float64{1, 10, 100, 1e3, 1e4, 1e5}

// decimalGrammar reports whether s is a number, and if so whether it is one
// written in digits.
func decimalGrammar(s string) (digits, ok bool) {
	i := skipSign(s, 0)
	if i < len(s) && s[i] != '.' && !isDigit(s[i]) {
		_, ok := parseSpecial(s)
		return false, ok
	}
	i, whole := skipDigits(s, i)
	fraction := false
	if i < len(s) && s[i] == '.' {
		i, fraction = skipDigits(s, i+1)
	}
	if !whole && !fraction {
		return false, false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		var exponent bool
		if i, exponent = skipDigits(s, skipSign(s, i+1)); !exponent {
			return false, false
		}
	}
	return true, i == len(s)
}

func parseSpecial(s string) (float64, bool) {
	i := skipSign(s, 0)
	sign := 1
	if i > 0 && s[0] == '-' {
		sign = -1
	}
	switch word := s[i:]; {
	case equalFold(word, "inf"), equalFold(word, "infinity"):
		return math.Inf(sign), true
	case equalFold(word, "nan"):
		return math.NaN(), true
	}
	return 0, false
}

func skipSign(s string, i int) int {
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	return i
}

// skipDigits skips digits with single underscores between them, and reports
// whether there was a digit.
func skipDigits(s string, i int) (int, bool) {
	start := i
	for i < len(s) {
		if isDigit(s[i]) || s[i] == '_' && i > start && s[i-1] != '_' && i+1 < len(s) && isDigit(s[i+1]) {
			i++
			continue
		}
		break
	}
	return i, i > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isSpace adds the separators that the platform's reference also trims.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// equalFold compares with a lower-case ASCII word, ignoring the case of ASCII
// letters only: strings.EqualFold also accepts "ſ" for "s".
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
