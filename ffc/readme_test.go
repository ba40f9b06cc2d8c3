package ffc_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeSnippetsCompile: each snippet of the README stands, line by line,
// in an example that is compiled.
func TestReadmeSnippetsCompile(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	compiled := unindent(string(examples))
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(snippets) == 0 {
		t.Fatal("the README has no snippets")
	}
	for _, snippet := range snippets {
		if !strings.Contains(compiled, unindent(string(snippet[1]))) {
			t.Errorf("not in example_test.go:\n%s", snippet[1])
		}
	}
}

// unindent takes away the space that lines begin with.
func unindent(text string) string {
	return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(text, "")
}
