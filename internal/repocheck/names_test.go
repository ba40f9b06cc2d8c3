package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goName matches what a document names in the way of Go, such as ffc.Config.Events or
// Flush(ctx): the package, if there is one, and the exported names.
var goName = regexp.MustCompile(`^[&*]?(?:([a-z][a-z0-9]*)\.)?([A-Z][a-z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)*)(?:[({\[].*)?$`)

// foreign are documents that have names of other SDKs, of the protocols, or of the past.
var foreign = regexp.MustCompile(`^(CHANGELOG|docs/(protocol|featbit-protocol|comparison|migration-[a-z]+)|testdata/.*|\.github/.*)\.md$`)

// elsewhere matches names that other tests look for: those of tests, examples and
// alerts.
var elsewhere = regexp.MustCompile(`\b(Test|Fuzz|Benchmark|Example|FfcRelay)[A-Z]`)

// otherNames are names of other software that look like those of Go.
var otherNames = []string{
	"Authorization", "Date", // HTTP
	"CheckRedirect", "ClientSessionCache", "Jar", "KeyLogWriter", "ResponseWriter", // Go
	"BiggerEqualThan", "BiggerThan", "Infinity", "KeyId", "LessEqualThan", "NaN", "NotContain", // platforms
	"ApproximateAgeOfOldestMessage", "ReportBatchItemFailures", // AWS
	"BooleanValueDetails",                           // OpenFeature
	"MeterProvider", "TracerProvider", "Unregister", // OpenTelemetry
}

// TestNamesInDocumentsExist: each exported name that a guide, README.md or SECURITY.md
// has as code exists.
func TestNamesInDocumentsExist(t *testing.T) {
	t.Parallel()
	known := exportedNames(t)
	checked := 0
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".md" || foreign.MatchString(file) {
			continue
		}
		for _, span := range spans.FindAllString(fences.ReplaceAllString(readFile(t, file), ""), -1) {
			found := goName.FindStringSubmatch(strings.Trim(span, "`"))
			if found == nil || elsewhere.MatchString(span) || found[1] != "" && !known[found[1]] || slices.Contains(otherNames, found[2]) {
				continue
			}
			checked++
			if !known.has(found[1], strings.Split(found[2], ".")) {
				t.Errorf("%s: %s: there is no such exported name here; if it is of other software, otherNames needs it", file, span)
			}
		}
	}
	if checked < 500 {
		t.Errorf("only %d names were found", checked)
	}
}

// names are packages, their exported names as package.Name, and the exported members of
// their types as package.Type.Member. Each name is there without its package, and each
// member on its own, as well.
type names map[string]bool

// has reports whether the package, or one of them if it is "", has the first of the
// names, and whether each further one is a member of some type.
func (known names) has(pkg string, chain []string) bool {
	first := chain[0]
	if pkg != "" {
		first = pkg + "." + first
	}
	return known[first] && !slices.ContainsFunc(chain[1:], func(member string) bool { return !known["."+member] })
}

func (known names) add(pkg, owner, name string) {
	if !ast.IsExported(name) {
		return
	}
	known[name] = true
	if owner == "" {
		known[pkg+"."+name] = true
		return
	}
	known["."+name] = true
}

// exportedNames reads all packages of the repository but those of tests.
func exportedNames(t *testing.T) names {
	t.Helper()
	known := make(names)
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(file)), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		pkg := parsed.Name.Name
		known[pkg] = true
		for _, decl := range parsed.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				known.add(pkg, receiver(d), d.Name.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					known.addSpec(pkg, spec)
				}
			}
		}
	}
	return known
}

func (known names) addSpec(pkg string, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			known.add(pkg, "", name.Name)
		}
	case *ast.TypeSpec:
		known.add(pkg, "", s.Name.Name)
		ast.Inspect(s.Type, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok {
				for _, name := range field.Names {
					known.add(pkg, s.Name.Name, name.Name)
				}
			}
			return true
		})
	}
}
