package manifest

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// zero has the default of each type for flags that have no usable value for it.
var zero = map[Type]json.RawMessage{
	Boolean: []byte("false"),
	String:  []byte(`""`),
	Integer: []byte("0"),
	Float:   []byte("0"),
	Object:  []byte("{}"),
}

// typeOf returns the type of a flag by its values. declared is the type that FeatBit
// has for the flag; "" if there is none. The OpenFeature provider can read every
// value as this type.
func typeOf(declared string, values []eval.Variation) Type {
	byDeclaration := map[string][]Type{
		"boolean": {Boolean},
		"string":  {String},
		"number":  {Integer, Float},
		"json":    {Object},
	}[declared]
	// Numbers come before booleans, because classic reads 1 and 0 as both.
	for _, t := range append(byDeclaration, Integer, Float, Boolean, Object) {
		if t.fits(values) {
			return t
		}
	}
	return String
}

// fits reports whether all values can be read as the type.
func (t Type) fits(values []eval.Variation) bool {
	for i := range values {
		if !t.fitsValue(&values[i]) {
			return false
		}
	}
	return true
}

func (t Type) fitsValue(v *eval.Variation) bool {
	switch t {
	case Boolean:
		return v.IsBool
	case Integer:
		return isInteger(v.Value)
	case Float:
		return v.IsFloat && jsontext.IsNumber(v.Value)
	case Object:
		return jsontext.IsComposite(v.Value)
	}
	return true
}

func isInteger(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil && jsontext.IsNumber(text)
}

// jsonOf returns a value that fits the type as JSON.
func (t Type) jsonOf(v *eval.Variation) json.RawMessage {
	switch t {
	case Boolean:
		return strconv.AppendBool(nil, v.Bool)
	case Integer, Float:
		return []byte(v.Value)
	case Object:
		var b bytes.Buffer
		_ = json.Compact(&b, []byte(v.Value)) // cannot fail: the value fits
		return b.Bytes()
	}
	return textJSON(v.Value)
}

// maxExact is the largest integer up to which a float64 has all.
const maxExact = 1 << 53

// exact reports whether a reader of JSON that holds numbers as float64, as
// the OpenFeature CLI does, reads an integer exactly.
func exact(integer json.RawMessage) bool {
	i, err := strconv.ParseInt(string(integer), 10, 64)
	return err == nil && -maxExact <= i && i <= maxExact
}
