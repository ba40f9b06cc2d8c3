package main

import (
	"fmt"
	"os"
	"strings"
)

// rewrite replaces the part of a file between the markers of a name.
func rewrite(path, name, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	document, err := between(string(old), name, text)
	if err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	return os.WriteFile(path, []byte(document), 0o644)
}

// between returns a document with text between the markers of a name.
func between(document, name, text string) (string, error) {
	begin, end := "<!-- "+name+":begin -->", "<!-- "+name+":end -->"
	before, rest, ok := strings.Cut(document, begin)
	if !ok {
		return "", fmt.Errorf("has no line %s", begin)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("has no line %s after %s", end, begin)
	}
	return before + begin + "\n" + text + end + after, nil
}
