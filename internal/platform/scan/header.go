package scan

import (
	"bytes"
	"errors"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// ErrNoID is the error of an item without an id.
var ErrNoID = errors.New("has no id")

// String reads a string.
func String(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", errors.New("expected a string")
	}
	return jsontext.Text(value[1 : len(value)-1]), nil
}

// Bool reads a truth value. null is false.
func Bool(value []byte) (bool, error) {
	switch string(value) {
	case "true":
		return true, nil
	case "false", "null":
		return false, nil
	}
	return false, errors.New("expected true or false")
}

// MayUseSegments reports whether rules can have a clause about segments. The
// word may be hidden by escapes.
func MayUseSegments(rules []byte) bool {
	return bytes.Contains(rules, []byte("segment")) || bytes.Contains(rules, []byte(`\u00`))
}
