package platform

import (
	"errors"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Override returns the JSON of a flag that serves one of its variations to every
// user: the flag is switched off, and the variation is what it serves then. The
// variation is named by its value or, if no variation has that value, by its id.
// The version stays. raw must be valid JSON.
func (c *Codec) Override(raw []byte, variation string) ([]byte, error) {
	f, err := c.DecodeFlag(raw)
	if err != nil {
		return nil, err
	}
	all := c.Variations(raw, f)
	at := slices.IndexFunc(all, func(v model.Variation) bool { return v.Value == variation })
	if at < 0 {
		at = slices.IndexFunc(all, func(v model.Variation) bool { return v.ID == variation })
	}
	if at < 0 {
		return nil, ErrNoVariation
	}
	wanted := all[at]
	changed, ok := c.SwitchOff(raw, wanted)
	if !ok {
		return nil, errNotSwitchedOff
	}
	if f, err = c.DecodeFlag(changed); err != nil || f.Enabled || f.Off == model.Missing || f.Variations[f.Off] != wanted {
		return nil, errNotSwitchedOff
	}
	return changed, nil
}

// ErrNoVariation is the error of Codec.Override if the flag does not have the
// variation.
var ErrNoVariation = errors.New("no variation has this value or id")

var errNotSwitchedOff = errors.New("the flag has a form that this version cannot switch off")
