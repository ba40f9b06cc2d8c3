package manifest

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// Config says what Build puts into a manifest.
type Config struct {
	// Keys are the flags to describe; nil is all.
	Keys []string
	// Zero: the default of a flag is the zero value of its type. Otherwise it is the
	// flag's off variation.
	Zero bool
	// Keep is a manifest whose types, defaults and descriptions are kept for flags
	// that the environment still has. It may be nil.
	Keep *Manifest
}

// Build describes the flags of an environment. warn gets a line for each flag that is
// left out, and for each value that the manifest cannot have.
func Build(items *platform.Whole, cfg Config, warn func(format string, args ...any)) *Manifest {
	b := builder{cfg: cfg, codec: items.Codec, warn: warn, names: make(map[string]string)}
	m := &Manifest{Schema: schema, Flags: make(map[string]Flag)}
	for i := range items.Flags { // sorted by key
		item := &items.Flags[i]
		if item.Archived || cfg.Keys != nil && !slices.Contains(cfg.Keys, item.Key) {
			continue
		}
		if f, ok := b.flag(item); ok {
			m.Flags[item.Key] = f
		}
	}
	return m
}

type builder struct {
	cfg   Config
	codec *platform.Codec
	warn  func(format string, args ...any)
	names map[string]string // the key by its identifier
}

// declaration has what only FeatBit knows of a flag.
type declaration struct {
	Type        string `json:"variationType"`
	Description string `json:"description"`
}

// flag describes a flag, unless it must be left out.
func (b *builder) flag(item *store.Item) (f Flag, ok bool) {
	if !nameable(item.Key) {
		b.warn("left out the flag %q: its key makes no name in generated code; expected an ASCII letter, then ASCII letters, digits, spaces and the characters - _ .", item.Key)
		return f, false
	}
	if other, taken := b.names[identifier(item.Key)]; taken {
		b.warn("left out the flag %q: the flag %q has the same name in generated code", item.Key, other)
		return f, false
	}
	m, err := b.codec.DecodeFlag(item.Raw)
	texts := admin.Values(b.codec, item.Raw) // also those that no user gets at present
	switch {
	case err != nil:
		b.warn("left out the flag %q: %v", item.Key, err)
		return f, false
	case len(texts) == 0:
		b.warn("left out the flag %q: it has no variations", item.Key)
		return f, false
	}
	b.names[identifier(item.Key)] = item.Key
	values := make([]eval.Variation, len(texts))
	for i, text := range texts {
		values[i] = b.codec.Semantics.Variation("", text)
	}
	var d declaration
	_ = json.Unmarshal(item.Raw, &d) // on classic there is nothing to find

	f.Type = typeOf(d.Type, values)
	kept, isKept := b.kept(item.Key, f.Type, values)
	switch {
	case d.Description != "":
		f.Description = oneLine(d.Description)
	case m.Name != item.Key:
		f.Description = oneLine(m.Name)
	}
	if kept.Description != "" {
		f.Description = kept.Description
	}
	if isKept {
		f.Type, f.Default = kept.Type, kept.Default
		return f, true
	}
	f.Default = zero[f.Type]
	if !b.cfg.Zero && 0 <= m.Off && m.Off < len(m.Variations) {
		off := b.codec.Semantics.Variation("", m.Variations[m.Off].Value)
		f.Default = b.off(item.Key, f.Type, &off)
	}
	return f, true
}

// kept returns what Config.Keep has for a flag, and whether its type still fits.
func (b *builder) kept(key string, now Type, values []eval.Variation) (Flag, bool) {
	if b.cfg.Keep == nil {
		return Flag{}, false
	}
	f, has := b.cfg.Keep.Flags[key]
	if !has {
		return Flag{}, false
	}
	if !f.Type.fits(values) {
		b.warn("the flag %q is %s now: not every value is of the kept type %s", key, article(now), f.Type)
		return f, false
	}
	return f, true
}

// off returns the default of a flag whose off variation has this value.
func (b *builder) off(key string, t Type, v *eval.Variation) json.RawMessage {
	value := t.jsonOf(v)
	if unsafeIn(value) {
		b.warn("the flag %q has the default %s: its off variation has line breaks or other characters that could end a comment in generated code", key, zero[t])
		return zero[t]
	}
	if t == Integer && !exact(value) {
		b.warn("the flag %q has the default %s: its off variation %s is larger than what the OpenFeature CLI reads exactly (2^53)", key, zero[t], value)
		return zero[t]
	}
	return value
}

func article(t Type) string {
	switch t {
	case Integer, Object:
		return fmt.Sprintf("an %s", t)
	}
	return fmt.Sprintf("a %s", t)
}
