package featbit

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Variations returns all variations of a flag.
func Variations(_ []byte, f *model.Flag) []model.Variation { return f.Variations }

// SwitchOff returns the JSON of the flag in raw, switched off and with v as its off
// variation. It always reports true.
func SwitchOff(raw []byte, v model.Variation) ([]byte, bool) {
	return jsontext.AppendWith(nil, raw,
		jsontext.Change{Name: "isEnabled", Value: []byte("false")},
		jsontext.Change{Name: "disabledVariationId", Value: jsontext.AppendString(nil, v.ID)}), true
}
