package repocheck

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestPlatformsAreNotCompared: only the packages of platforms, ffctest and tests
// decide by which platform they have. All other code reads what a
// platform.Protocol says, so that another platform changes no existing file.
func TestPlatformsAreNotCompared(t *testing.T) {
	t.Parallel()
	name := `("classic"|"featbit"|\w+\.(Classic|FeatBit)\b|(classic|featbit)\.Name|(ffc\.)?Platform(Classic|FeatBit))`
	compared := regexp.MustCompile(`((==|!=) *|\bcase\b[^:]*)` + name + `|` + name + ` *(==|!=)`)
	checked := 0
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") ||
			strings.HasPrefix(file, "internal/platform/") || strings.HasPrefix(file, "ffc/ffctest/") {
			continue
		}
		checked++
		for i, line := range strings.Split(readFile(t, file), "\n") {
			if found := compared.FindString(line); found != "" {
				t.Errorf("%s:%d compares platforms: %s: expected an ability of platform.Protocol", file, i+1, found)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d files were checked", checked)
	}
}
