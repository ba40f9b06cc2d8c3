package ffc_test

import (
	"io/fs"
	"os"
	"path/filepath"
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
	var compiled string
	examples, _ := filepath.Glob("../*/example*_test.go")
	for _, path := range examples {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		compiled += unindent(string(source))
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(snippets) == 0 {
		t.Fatal("the README has no snippets")
	}
	for _, snippet := range snippets {
		if !strings.Contains(compiled, unindent(string(snippet[1]))) {
			t.Errorf("in no example:\n%s", snippet[1])
		}
	}
}

// TestCitedSectionsExist: each section of the protocol reference that a comment
// names is there.
func TestCitedSectionsExist(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	cited := regexp.MustCompile(`reference,[\s/]+section ([0-9]+(?:\.[0-9]+)?)`)
	found := 0
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, section := range cited.FindAllSubmatch(source, -1) {
			found++
			if !regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(string(section[1])) + `\.? `).Match(reference) {
				t.Errorf("%s cites section %s, which docs/protocol.md does not have", path, section[1])
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d citations, %v", found, err)
	}
}

// unindent takes away the space that lines begin with.
func unindent(text string) string {
	return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(text, "")
}
