package ffcopenfeature_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeSnippetsCompile: each snippet of the README stands, line by line, in
// the examples.
func TestReadmeSnippetsCompile(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	unindent := regexp.MustCompile(`(?m)^[\t ]+`)
	compiled := unindent.ReplaceAllString(string(source), "")
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(snippets) == 0 {
		t.Fatal("the README has no snippets")
	}
	for _, snippet := range snippets {
		if !strings.Contains(compiled, unindent.ReplaceAllString(snippet[1], "")) {
			t.Errorf("in no example:\n%s", snippet[1])
		}
	}
}
