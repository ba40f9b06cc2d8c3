// Package admin has what only tools for operators need of a platform: secrets, flags
// that serve one variation to every user, and all values of a flag, also those that
// no user gets. Package relay and the commands need it. It is apart from the
// Protocol of a platform, so that programs that only read flags do not link it.
package admin

import (
	"errors"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// abilities are what a platform can do here.
type abilities struct {
	// newSecret returns random text in the shape of a secret of an environment, by
	// the name that Protocol.Environment returns; "" if there is no such
	// environment.
	newSecret func(environment string) string
	// variations returns all variations of a flag, also those that no rule uses.
	variations func(raw []byte, f *model.Flag) []model.Variation
	// switchOff returns the JSON of the flag in raw, switched off and with v as its
	// off variation. It reports false if raw does not have the members for that.
	switchOff func(raw []byte, v model.Variation) ([]byte, bool)
}

// abilitiesOf has the platforms by name.
var abilitiesOf = map[string]abilities{
	classic.Name: {classic.NewSecret, classic.Variations, classic.SwitchOff},
	featbit.Name: {featbit.NewSecret, featbit.Variations, featbit.SwitchOff},
}

// NewSecret returns random text in the shape of a secret of an environment, by the
// name that Protocol.Environment returns; "" if p has no environment of that name.
func NewSecret(p *platform.Protocol, environment string) string {
	return abilitiesOf[p.Name].newSecret(environment)
}

// ProtocolOfEnvironment returns the platform of an environment by the shape of its
// name, or nil if the name fits no platform.
func ProtocolOfEnvironment(name string) *platform.Protocol {
	for _, p := range registry.All() {
		known := name
		if p.EnvironmentIgnoresCase {
			known = strings.ToLower(name)
		}
		if NewSecret(p, known) != "" {
			return p
		}
	}
	return nil
}

// ErrNoVariation is the error of Override if the flag does not have the variation.
var ErrNoVariation = errors.New("no variation has this value or id")

var errNotSwitchedOff = errors.New("the flag has a form that this version cannot switch off")

// Override returns the JSON of a flag that serves one of its variations to every
// user: the flag is switched off, and the variation is what it serves then. The
// variation is named by its value or, if no variation has that value, by its id.
// The version stays. raw must be valid JSON.
func Override(c *platform.Codec, raw []byte, variation string) ([]byte, error) {
	f, err := c.DecodeFlag(raw)
	if err != nil {
		return nil, err
	}
	can := abilitiesOf[c.Name]
	all := can.variations(raw, f)
	at := slices.IndexFunc(all, func(v model.Variation) bool { return v.Value == variation })
	if at < 0 {
		at = slices.IndexFunc(all, func(v model.Variation) bool { return v.ID == variation })
	}
	if at < 0 {
		return nil, ErrNoVariation
	}
	wanted := all[at]
	changed, ok := can.switchOff(raw, wanted)
	if !ok {
		return nil, errNotSwitchedOff
	}
	if f, err = c.DecodeFlag(changed); err != nil || f.Enabled || f.Off == model.Missing || f.Variations[f.Off] != wanted {
		return nil, errNotSwitchedOff
	}
	return changed, nil
}

// Values returns the values of all variations of a flag, each once; nil if the flag
// cannot be read.
func Values(c *platform.Codec, raw []byte) (values []string) {
	f, err := c.DecodeFlag(raw)
	if err != nil {
		return nil
	}
	for _, v := range abilitiesOf[c.Name].variations(raw, f) {
		if !slices.Contains(values, v.Value) { // a variation may be there in several forms
			values = append(values, v.Value)
		}
	}
	return values
}
