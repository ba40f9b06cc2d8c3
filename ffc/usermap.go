package ffc

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// UserFromMap returns a user from a map, by the rules of the platform's other
// SDKs (protocol reference, section 6.5):
//
//   - "key" is the key, or "keyid" if "key" is missing or empty. It must be a
//     string that is not blank.
//   - "name", "email" and "country" must be strings that are not blank, or
//     missing; nil, "", false and 0 count as missing.
//   - Every other entry is a custom attribute if it is a string or a number. Whole
//     numbers of any type look like integers: the float64 that encoding/json
//     decodes from 18 is "18", up to 1e21. A json.Number keeps its text. Booleans,
//     nil, lists and maps are skipped. Names are exact on FeatBit; on classic the
//     names above in any other case are reserved and skipped.
//
// The error names the invalid entries, never their values. With an error,
// UserFromMap returns the zero User.
func UserFromMap(m map[string]any) (User, error) {
	key, err := textEntry(m, "key")
	keyName := "key"
	if key == "" && err == nil {
		keyName = "keyid"
		key, err = textEntry(m, keyName)
	}
	if key == "" && err == nil {
		err = errors.New(`"key" is missing`)
	}
	u := &eval.User{Key: key}
	for _, builtin := range [...]struct {
		name string
		to   *string
	}{{"name", &u.Name}, {"email", &u.Email}, {"country", &u.Country}} {
		var problem error
		*builtin.to, problem = textEntry(m, builtin.name)
		err = errors.Join(err, problem)
	}
	if err != nil {
		return User{}, fmt.Errorf("ffc: invalid user: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch name {
		case keyName, "keyId", "name", "email", "country":
			continue
		}
		if text, ok := customText(m[name]); ok {
			u.SetCustom(name, text)
		}
	}
	return User{u}, nil
}

// textEntry returns a string that is not blank, or "" if the entry counts as
// missing.
func textEntry(m map[string]any, name string) (string, error) {
	value := m[name]
	if notGiven(value) {
		return "", nil
	}
	text, ok := value.(string)
	if !ok || eval.Blank(text) {
		return "", fmt.Errorf("%q is not a string, or blank", name)
	}
	return text, nil
}

// notGiven reports whether a value counts as missing: nil, "", false and 0.
func notGiven(value any) bool {
	if value == nil || value == "" || value == false {
		return true
	}
	text, ok := numberText(value)
	if !ok {
		return false
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && f == 0
}

func customText(value any) (string, bool) {
	if text, ok := value.(string); ok {
		return text, true
	}
	return numberText(value)
}

// numberText returns a number of any type as text. It is false for other types.
func numberText(value any) (string, bool) {
	switch v := value.(type) {
	case json.Number:
		return v.String(), true
	case int:
		return strconv.FormatInt(int64(v), 10), true
	case int8:
		return strconv.FormatInt(int64(v), 10), true
	case int16:
		return strconv.FormatInt(int64(v), 10), true
	case int32:
		return strconv.FormatInt(int64(v), 10), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint:
		return strconv.FormatUint(uint64(v), 10), true
	case uint8:
		return strconv.FormatUint(uint64(v), 10), true
	case uint16:
		return strconv.FormatUint(uint64(v), 10), true
	case uint32:
		return strconv.FormatUint(uint64(v), 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float32:
		return floatText(float64(v)), true
	case float64:
		return floatText(v), true
	}
	return "", false
}

func appendFloatText(dst []byte, f float64) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case f == 0:
		return append(dst, '0') // also for -0
	case f == math.Trunc(f) && abs < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	case abs < 1e-4 || abs >= 1e16:
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}
