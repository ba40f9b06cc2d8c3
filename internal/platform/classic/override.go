package classic

import (
	"fmt"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
)

// Variations returns all variations of a flag, also those that no rule uses.
func Variations(raw []byte, f *model.Flag) []model.Variation {
	all := slices.Clone(f.Variations)
	for o := range jsontext.Elements(jsontext.Find(raw, "variationOptions")) {
		if value, err := scan.String(jsontext.Find(o, "variationValue")); err == nil {
			all = append(all, model.Variation{ID: string(jsontext.Find(o, "localId")), Value: value})
		}
	}
	return all
}

// SwitchOff returns the JSON of the flag in raw, switched off and with v as its off
// variation. It reports false if raw does not have the members for that. Like the
// platform, it repeats the whole variation.
func SwitchOff(raw []byte, v model.Variation) ([]byte, bool) {
	if jsontext.Find(raw, "ff") == nil {
		return nil, false
	}
	option := fmt.Appendf(nil, `{"localId":%s,"displayOrder":0,"variationValue":%s}`, v.ID, jsontext.AppendString(nil, v.Value))
	for o := range jsontext.Elements(jsontext.Find(raw, "variationOptions")) {
		if string(jsontext.Find(o, "localId")) == v.ID {
			option = o
		}
	}
	return jsontext.AppendWith(nil, raw, jsontext.Change{Name: "ff", Inside: []jsontext.Change{
		{Name: "status", Value: []byte(`"Disabled"`)},
		{Name: "variationOptionWhenDisabled", Value: option},
	}}), true
}
