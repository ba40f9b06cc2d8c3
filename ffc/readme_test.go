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

// TestCitedSectionsExist: each section of the protocol reference, or of that of
// FeatBit, that a comment names is there.
func TestCitedSectionsExist(t *testing.T) {
	t.Parallel()
	references := make(map[string][]byte)
	for _, name := range []string{"docs/protocol.md", "docs/featbit.md"} {
		reference, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		references[name] = reference
	}
	cited := regexp.MustCompile(`(FeatBit[\s/]+)?reference,[\s/]+section ([0-9]+(?:\.[0-9]+)?)`)
	found := make(map[string]int)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, section := range cited.FindAllSubmatch(source, -1) {
			name := "docs/protocol.md"
			if len(section[1]) > 0 {
				name = "docs/featbit.md"
			}
			found[name]++
			if !regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(string(section[2])) + `\.? `).Match(references[name]) {
				t.Errorf("%s cites section %s, which %s does not have", path, section[2], name)
			}
		}
		return err
	})
	if err != nil || len(found) != len(references) {
		t.Errorf("citations: %v, %v", found, err)
	}
}

// unindent takes away the space that lines begin with.
func unindent(text string) string {
	return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(text, "")
}
