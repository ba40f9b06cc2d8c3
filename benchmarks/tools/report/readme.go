package main

import (
	"fmt"
	"os"
	"strings"
)

const (
	beginMarker = "<!-- benchmarks:begin -->"
	endMarker   = "<!-- benchmarks:end -->"
)

// rewrite replaces what is between the markers of a file.
func rewrite(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	next, err := between(string(old), text)
	if err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	return os.WriteFile(path, []byte(next), 0o644)
}

// between returns a document with text between its markers.
func between(document, text string) (string, error) {
	before, rest, ok := strings.Cut(document, beginMarker)
	if !ok {
		return "", fmt.Errorf("has no line %s", beginMarker)
	}
	_, after, ok := strings.Cut(rest, endMarker)
	if !ok {
		return "", fmt.Errorf("has no line %s after %s", endMarker, beginMarker)
	}
	return before + beginMarker + "\n" + text + endMarker + after, nil
}
