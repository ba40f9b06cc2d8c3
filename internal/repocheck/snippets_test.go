package repocheck

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadmeSnippetsCompile: each Go snippet of a README or a guide stands, line
// by line, in an example that is compiled. Snippets of other SDKs are not marked
// as Go.
func TestReadmeSnippetsCompile(t *testing.T) {
	t.Parallel()
	compiled := make(map[string]string) // by file
	var documents []string
	for _, file := range repositoryFiles(t) {
		dir, name := path.Split(file)
		program := strings.Contains("/"+dir, "/examples/") && strings.HasSuffix(name, ".go")
		switch {
		case program || strings.HasPrefix(name, "example") && strings.HasSuffix(name, "_test.go"):
			compiled[file] = unindent(readFile(t, file))
		case name == "README.md" || dir == "docs/" && strings.HasSuffix(name, ".md"):
			documents = append(documents, file)
		}
	}
	found := 0
	for _, document := range documents {
		snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readFile(t, document), -1)
		found += len(snippets)
		for _, snippet := range snippets {
			text := unindent(snippet[1])
			stands := func(file string) bool { return strings.Contains(compiled[file], text) }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(compiled)), stands) {
				t.Errorf("%s: in no example:\n%s", document, snippet[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("the documents have %d snippets", found)
	}
}

// unindent takes away the space that lines begin with.
func unindent(text string) string {
	return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(text, "")
}
