package ffc_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadmeSnippetsCompile: each snippet of the README and of the guides stands,
// line by line, in an example that is compiled. Code of others has another mark
// than go.
func TestReadmeSnippetsCompile(t *testing.T) {
	t.Parallel()
	compiled := make(map[string]string) // by file
	for _, path := range repositoryFiles(t) {
		name := filepath.Base(path)
		program := strings.HasPrefix(filepath.ToSlash(path), "../examples/") && strings.HasSuffix(name, ".go")
		if program || strings.HasPrefix(name, "example") && strings.HasSuffix(name, "_test.go") {
			compiled[path] = unindent(readFile(t, path))
		}
	}
	guides, _ := filepath.Glob("../docs/*.md")
	found := 0
	for _, path := range append(guides, "../README.md") {
		snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readFile(t, path), -1)
		found += len(snippets)
		for _, snippet := range snippets {
			text := unindent(snippet[1])
			stands := func(file string) bool { return strings.Contains(compiled[file], text) }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(compiled)), stands) {
				t.Errorf("%s: in no example:\n%s", path, snippet[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("the README and the guides have %d snippets", found)
	}
}

// repositoryFiles returns the paths of all files, from this directory.
func repositoryFiles(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.IsDir():
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
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
