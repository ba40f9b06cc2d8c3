package jsontext

import (
	"encoding/json"
	"strings"
)

// IsNumber reports whether a text is a number in JSON, without white space. 007,
// +5, .5 and 1_000 are not.
func IsNumber(text string) bool {
	return text != "" && strings.Trim(text[:1], "-0123456789") == "" && strings.TrimSpace(text) == text && json.Valid([]byte(text))
}

// IsComposite reports whether a text is an object or an array in JSON.
func IsComposite(text string) bool {
	trimmed := strings.TrimSpace(text)
	return (strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")) && json.Valid([]byte(trimmed))
}
