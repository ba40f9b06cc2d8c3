package repocheck

import (
	"slices"
	"strings"
	"testing"
)

// levels are the parts of the module, the highest first. A package belongs to the
// level that has its path, or else to the first that has a folder (with a slash
// at the end) that it is in.
var levels = []struct {
	name  string
	has   []string
	apart bool // no package of the level imports another
}{
	{name: "programs and tests of the whole", has: []string{"cmd/", "examples/", "internal/bounds/", "internal/faults/", "internal/repocheck/", "internal/testkit/"}},
	{name: "hosts of a client", has: []string{"lambda", "relay", "relay/queuetest"}},
	{name: "client", has: []string{"ffc"}},
	{name: "transports and platforms for tests", has: []string{"transport/", "ffc/ffctest/", "lambda/lambdatest"}},
	{name: "parts that know every platform", has: []string{"internal/flagfile", "internal/platform/admin", "internal/platform/registry"}},
	{name: "platforms", has: []string{"internal/platform/classic", "internal/platform/featbit"}, apart: true},
	{name: "contracts", has: []string{"transport", "flush"}},
	{name: "parts", has: []string{"internal/"}},
}

// TestImportsPointDown: a package imports packages of its level and of lower
// levels only. Contracts and parts are one level: parts carry out what contracts
// say, and a contract uses parts that import nothing of this module.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	list := goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	packages := 0
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		from := level(pkg)
		if from < 0 {
			t.Errorf("%s has no level: add it to levels", pkg)
			continue
		}
		packages++
		for _, path := range fields[1:] {
			imported, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			switch to := level(imported); {
			case levels[from].name == "contracts" && levels[to].name == "parts":
				if strings.Contains(importsOf(list, imported), module) {
					t.Errorf("%s imports %s, which imports more of this module: contracts import nothing but leaves", pkg, imported)
				}
			case levels[from].name == "parts" && levels[to].name == "contracts":
			case to == from && levels[to].apart:
				t.Errorf("%s imports %s: %s do not import each other", pkg, imported, levels[to].name)
			case to < from:
				t.Errorf("%s (%s) imports %s (%s): imports point down", pkg, levels[from].name, imported, levels[to].name)
			}
		}
	}
	if packages < 30 {
		t.Errorf("only %d packages were found", packages)
	}
}

// level returns the index of a package's level, or -1.
func level(pkg string) int {
	for _, belongs := range []func(part string) bool{
		func(part string) bool { return part == pkg },
		func(part string) bool { return strings.HasSuffix(part, "/") && strings.HasPrefix(pkg+"/", part) },
	} {
		for i, l := range levels {
			if slices.ContainsFunc(l.has, belongs) {
				return i
			}
		}
	}
	return -1
}

// importsOf returns the line of a package in the output of go list, without its
// own path.
func importsOf(list, pkg string) string {
	_, rest, _ := strings.Cut("\n"+list, "\n"+module+pkg+" ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}
