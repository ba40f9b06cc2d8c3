// Package manifest describes the flags of an environment as a flag manifest of
// OpenFeature: the file from which the OpenFeature CLI (github.com/open-feature/cli)
// generates code with an accessor for each flag.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// schema is the JSON schema of manifests. Editors find it in the file.
const schema = "https://raw.githubusercontent.com/open-feature/cli/refs/heads/main/schema/v0/flag-manifest.json"

// Manifest is a flag manifest.
type Manifest struct {
	Schema string          `json:"$schema"`
	Flags  map[string]Flag `json:"flags"`
}

// Flag is a flag of a manifest. All members but Description are required.
type Flag struct {
	Type        Type            `json:"flagType"`
	Default     json.RawMessage `json:"defaultValue"`
	Description string          `json:"description,omitempty"`
}

// Type is the type of a flag's values.
type Type string

// The types.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Integer Type = "integer"
	Float   Type = "float"
	Object  Type = "object"
)

// Text returns the manifest as the text of a file: flags are sorted by key, so that
// the same flags give the same text.
func (m *Manifest) Text() (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(m)
	return b.String(), err
}

// Parse reads a manifest. The error names the flag that is invalid.
func Parse(text []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("invalid JSON of a flag manifest: %w", err)
	}
	if m.Flags == nil {
		return nil, errors.New(`a flag manifest has an object "flags"`)
	}
	for _, key := range slices.Sorted(maps.Keys(m.Flags)) {
		f := m.Flags[key]
		if _, known := zero[f.Type]; !known {
			return nil, fmt.Errorf("flag %q: invalid flagType %q: expected boolean, string, integer, float or object", key, f.Type)
		}
		if !f.Type.isDefault(f.Default) {
			return nil, fmt.Errorf("flag %q: its defaultValue is missing or no %s", key, f.Type)
		}
	}
	return &m, nil
}

// isDefault reports whether a JSON value can be the default of a flag of this type.
func (t Type) isDefault(value json.RawMessage) bool {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return false
	}
	switch t {
	case Boolean:
		_, ok := v.(bool)
		return ok
	case String:
		_, ok := v.(string)
		return ok
	case Integer:
		return isInteger(string(value))
	case Float:
		_, ok := v.(float64)
		return ok
	}
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}
