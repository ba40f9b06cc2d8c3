package flagfile

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// layout is how a platform's snapshots are read, written and edited.
type layout struct {
	platform string // its name
	format   flagjson.Format
	identity string // the member of a flag that identifies it
	// key returns the flag's key from its identity.
	key func(identity *node) (string, error)
	// edit changes a flag and its version.
	edit func(e *edits, flag *node, c Change, version int64) error
}

// layoutOf returns the layout of a platform by its name.
func layoutOf(name string) (layout, error) {
	for _, l := range []layout{
		{classic.Name, flagjson.TestClassic(), "id", classicKey, editClassic},
		{featbit.Name, flagjson.FeatBit{EnvID: flagjson.TestEnvID}, "key", featBitKey, editFeatBit},
	} {
		if l.platform == name {
			return l, nil
		}
	}
	return layout{}, fmt.Errorf("unknown platform %q: expected %s", name, registry.Names())
}

func classicKey(identity *node) (string, error) {
	parts := strings.SplitN(identity.text(), "__", 5)
	if len(parts) < 5 || parts[0] != "FF" || parts[4] == "" {
		return "", &Mismatch{identity.start, "FF__account__project__environment__key", identity.describe()}
	}
	return parts[4], nil
}

func featBitKey(identity *node) (string, error) { return identity.text(), nil }

func versionText(version int64) string {
	return MarshalText(time.UnixMilli(version).UTC().Format("2006-01-02T15:04:05.000Z"))
}

func editClassic(e *edits, flag *node, c Change, version int64) error {
	basics := flag.get("ff")
	if basics == nil || basics.kind != object {
		return errors.New(`the flag has no object "ff"`)
	}
	e.set(flag, "timestamp", strconv.FormatInt(version, 10))
	if basics.get("lastUpdatedTime") != nil {
		e.set(basics, "lastUpdatedTime", versionText(version))
	}
	if c.On != nil {
		status := "Disabled"
		if *c.On {
			status = "Enabled"
		}
		e.set(basics, "status", MarshalText(status))
	}
	if c.Shares != nil {
		return classicShares(e, flag, basics, c.Shares)
	}
	return nil
}

func editFeatBit(e *edits, flag *node, c Change, version int64) error {
	e.set(flag, "updatedAt", versionText(version))
	if c.On != nil {
		e.set(flag, "isEnabled", strconv.FormatBool(*c.On))
	}
	if c.Shares != nil {
		featBitShares(e, flag, c.Shares)
	}
	return nil
}

// classicShares writes a default rule. Each share repeats the whole variation
// of the flag, and keeps its part that counts in experiments.
func classicShares(e *edits, flag, basics *node, shares []Share) error {
	const rollouts = "defaultRulePercentageRollouts"
	options := make(map[string]string)
	for option := range flag.get("variationOptions").items() {
		if id := option.get("localId"); id != nil {
			options[id.text()] = string(option.raw())
		}
	}
	counted := make(map[string]string)
	for old := range basics.get(rollouts).items() {
		id, part := old.get("valueOption").get("localId"), old.get("exptRollout")
		if id != nil && part != nil {
			counted[id.text()] = string(part.raw())
		}
	}
	var parts []string
	for _, r := range divide(shares) {
		id := shares[r.Variation].Variation
		option, ok := options[id]
		if !ok {
			return fmt.Errorf("the flag's variationOptions have no variation %s", id)
		}
		parts = append(parts, fmt.Sprintf(`{"exptRollout": %s, "rolloutPercentage": [%v, %v], "valueOption": %s}`,
			cmp.Or(counted[id], "null"), r.From, r.To, option))
	}
	e.set(basics, rollouts, "["+strings.Join(parts, ", ")+"]")
	return nil
}

func featBitShares(e *edits, flag *node, shares []Share) {
	rule := flag.get("fallthrough")
	counted := make(map[string]string)
	for old := range rule.get("variations").items() {
		id, part := old.get("id"), old.get("exptRollout")
		if id != nil && part != nil {
			counted[id.text()] = string(part.raw())
		}
	}
	var parts []string
	for _, r := range divide(shares) {
		id := shares[r.Variation].Variation
		parts = append(parts, fmt.Sprintf(`{"id": %s, "rollout": [%v, %v], "exptRollout": %s}`,
			MarshalText(id), r.From, r.To, cmp.Or(counted[id], "1")))
	}
	variations := "[" + strings.Join(parts, ", ") + "]"
	if rule == nil || rule.kind != object {
		e.set(flag, "fallthrough", `{"dispatchKey": null, "includedInExpt": false, "variations": `+variations+"}")
		return
	}
	e.set(rule, "variations", variations)
}

// divide returns the shares from 0 to 1. Their variations are indexes of shares.
func divide(shares []Share) []flagjson.Share {
	percents := make([]float64, len(shares))
	for i, s := range shares {
		percents[i] = s.Percent
	}
	return flagjson.Divide(percents)
}
