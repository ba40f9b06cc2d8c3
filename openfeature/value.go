package ffcopenfeature

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Errors of values. The client's error, which has them, says that the value is of
// another type.
var (
	errNotInteger = errors.New("expected an integer of 64 bits")
	errNotObject  = errors.New("expected a JSON object or array")
	// errMalformed: the value begins like one, but is invalid.
	errMalformed = errors.New("expected a JSON object or array, found malformed JSON")
)

// readInt parses an integer in any exact form, such as with an exponent or with a
// fraction of zeros. It works on the digits, because a float64 is not exact beyond
// 2^53.
func readInt(text string) (int64, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	mantissa, exponent := text, 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(text[at+1:]); err != nil || exponent > maxIntExponent || exponent < -maxIntExponent {
			return 0, errNotInteger
		}
		mantissa = text[:at]
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") || strings.HasPrefix(mantissa, "+") {
		sign, mantissa = mantissa[:1], mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, errNotInteger
	}
	point := len(whole) + exponent // number of digits before the decimal point
	switch {
	case point < 0:
		digits, point = strings.Repeat("0", -point)+digits, 0
	case point > len(digits):
		digits += strings.Repeat("0", point-len(digits))
	}
	if strings.Trim(digits[point:], "0") != "" {
		return 0, errNotInteger
	}
	i, err := strconv.ParseInt(sign+"0"+digits[:point], 10, 64)
	if err != nil {
		return 0, errNotInteger
	}
	return i, nil
}

// maxIntExponent is larger than the exponent of any int64.
const maxIntExponent = 1000

// readObject parses a JSON object or array.
func readObject(text string) (value any, err error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, errNotObject
	}
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil, errMalformed // the error of encoding/json quotes the value
	}
	return value, nil
}
