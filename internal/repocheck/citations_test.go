package repocheck

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestCitedSectionsExist: the protocol references have each section that a
// comment names.
func TestCitedSectionsExist(t *testing.T) {
	t.Parallel()
	references := map[string]string{
		"docs/protocol.md": readFile(t, "docs/protocol.md"),
		"docs/featbit.md":  readFile(t, "docs/featbit.md"),
	}
	cited := regexp.MustCompile(`(FeatBit[\s/]+)?reference,[\s/]+section ([0-9]+(?:\.[0-9]+)?)`)
	found := make(map[string]int)
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".go" {
			continue
		}
		text := readFile(t, file)
		if !strings.Contains(text, "reference,") { // the expression is slow: it begins with what may be missing
			continue
		}
		for _, section := range cited.FindAllStringSubmatch(text, -1) {
			name := "docs/protocol.md"
			if section[1] != "" {
				name = "docs/featbit.md"
			}
			found[name]++
			if !regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(section[2]) + `\.? `).MatchString(references[name]) {
				t.Errorf("%s cites section %s, which %s does not have", file, section[2], name)
			}
		}
	}
	if len(found) != len(references) {
		t.Errorf("citations by reference: %v: expected some of both", found)
	}
}
