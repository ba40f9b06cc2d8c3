package faults_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestConformanceNamesTests: every test that docs/conformance.md and
// docs/limits.md name exists, and every row names one.
func TestConformanceNamesTests(t *testing.T) {
	name := regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz|Example)\\w+)`")
	sources := map[string]string{} // of the tests, by directory
	for _, document := range []string{"conformance.md", "limits.md"} {
		text, err := os.ReadFile(filepath.Join("../../docs", document))
		if err != nil {
			t.Fatal(err)
		}
		// What was measured is held by the tests that its heading names.
		before, rest, _ := strings.Cut(string(text), "<!-- measured -->")
		_, after, _ := strings.Cut(rest, "<!-- end -->")
		rows := 0
		for line := range strings.Lines(before + after) {
			named := name.FindAllStringSubmatch(line, -1)
			if strings.HasPrefix(line, "| ") && !regexp.MustCompile(`^\| (Id|Limit|Defect) \|`).MatchString(line) {
				rows++
				if len(named) == 0 {
					t.Errorf("%s: a row names no test: %s", document, line)
				}
			}
			for _, n := range named {
				dir, function := n[1], n[2]
				if sources[dir] == "" {
					files, _ := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
					for _, file := range files {
						source, err := os.ReadFile(file)
						if err != nil {
							t.Fatal(err)
						}
						sources[dir] += string(source)
					}
				}
				if !strings.Contains(sources[dir], "\nfunc "+function+"(") {
					t.Errorf("%s names %s.%s, which does not exist", document, dir, function)
				}
			}
		}
		if rows < 10 {
			t.Errorf("%s has %d rows", document, rows)
		}
	}
}
