package ffcopenfeature

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// errMalformed: a value begins as JSON and is none.
var errMalformed = errors.New("ffc: the flag's value is malformed JSON")

// read reads the text of a flag's value as another type.
func read[T any](text ffc.Detail[string], as func(string) (T, error)) ffc.Detail[T] {
	d := ffc.Detail[T]{VariationID: text.VariationID, Reason: text.Reason, FlagKey: text.FlagKey, FlagName: text.FlagName, Err: text.Err}
	if d.Err == nil {
		d.Value, d.Err = as(text.Value)
	}
	return d
}

// readInt reads an integer in any form that is exact.
func readInt(text string) (int64, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	if strings.ContainsAny(text, "xX") { // hexadecimal is Go's, not the platform's
		return 0, ffc.ErrWrongType
	}
	f, err := strconv.ParseFloat(text, 64)
	// Beyond 2^53 a float64 may be another integer than the one written.
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, ffc.ErrWrongType
	}
	return int64(f), nil
}

// readObject reads a JSON object or array.
func readObject(text string) (value any, err error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, ffc.ErrWrongType
	}
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil, errMalformed // without what encoding/json quotes of the value
	}
	return value, nil
}
