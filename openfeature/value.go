package ffcopenfeature

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// errMalformed: the value begins like a JSON object or array, but is invalid.
var errMalformed = errors.New("ffc: the flag's value is malformed JSON")

// read converts the text of a flag's value to another type.
func read[T any](text ffc.Detail[string], as func(string) (T, error)) ffc.Detail[T] {
	d := ffc.Detail[T]{VariationID: text.VariationID, Reason: text.Reason, FlagKey: text.FlagKey, FlagName: text.FlagName, Err: text.Err}
	if d.Err == nil {
		d.Value, d.Err = as(text.Value)
	}
	return d
}

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
			return 0, ffc.ErrWrongType
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
		return 0, ffc.ErrWrongType
	}
	point := len(whole) + exponent // number of digits before the decimal point
	switch {
	case point < 0:
		digits, point = strings.Repeat("0", -point)+digits, 0
	case point > len(digits):
		digits += strings.Repeat("0", point-len(digits))
	}
	if strings.Trim(digits[point:], "0") != "" {
		return 0, ffc.ErrWrongType
	}
	i, err := strconv.ParseInt(sign+"0"+digits[:point], 10, 64)
	if err != nil {
		return 0, ffc.ErrWrongType
	}
	return i, nil
}

// maxIntExponent is larger than the exponent of any int64.
const maxIntExponent = 1000

// readObject parses a JSON object or array.
func readObject(text string) (value any, err error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, ffc.ErrWrongType
	}
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil, errMalformed // the error of encoding/json quotes the value
	}
	return value, nil
}
