// Package flagkeys finds the flag keys that Go code reads: the constant strings
// that reach a getter of package ffc or of OpenFeature's client.
//
// A key reaches a getter as an argument, or through parameters, variables, fields of
// structs, the elements of lists and maps, and the results of functions of the same
// package. A function that passes a parameter on as a key is a getter itself, in
// every package that calls the function: a call with a constant reads that flag. The
// same is true of an interface that a type with such methods implements, if the
// package of the interface imports the package of the type.
//
// In generated files, such as those of "openfeature generate go", a function or a
// variable at package level reads its flags where other code uses that function or
// variable. A generated accessor that no code uses reads no flag.
//
// Keys that are computed, decoded or returned by other packages are reported as
// unknown.
// Test files are not looked at: code that only tests need does not keep a flag
// alive.
package flagkeys

import (
	"cmp"
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/objectpath"
)

// The categories of diagnostics, which JSON output has.
const (
	// CategoryRead is a read of a flag. The message is `reads flag "KEY"`, with the
	// key in the syntax of Go.
	CategoryRead = "read"
	// CategoryUnknown is a read of a flag whose key cannot be known.
	CategoryUnknown = "unknown"
)

// Analyzer reports each place where a flag is read.
var Analyzer = &analysis.Analyzer{
	Name: "ffcvet",
	Doc: `list the feature flags that code reads

Reports each constant flag key that reaches a getter of ffc.Client, ffc.Flags or
OpenFeature's client, and each place where the key cannot be known. Test files are
not looked at.`,
	URL:       "https://pkg.go.dev/github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffcvet/flagkeys",
	Run:       run,
	FactTypes: []analysis.Fact{new(keyParams), new(keyField), new(accessor)},
}

// keyParams is a fact about a function, or a variable that holds one: it passes
// parameters on as flag keys.
type keyParams struct{ Params []int }

func (*keyParams) AFact()           {}
func (k *keyParams) String() string { return fmt.Sprintf("keys in parameters %v", k.Params) }

// keyField is a fact about a field of a struct: its value is used as a flag key.
type keyField struct{}

func (*keyField) AFact()         {}
func (*keyField) String() string { return "flag key" }

// accessor is a fact about a generated function or variable: code that uses it reads
// these flags.
type accessor struct{ Keys []string }

func (*accessor) AFact()           {}
func (a *accessor) String() string { return fmt.Sprintf("reads flags %q", a.Keys) }

func run(pass *analysis.Pass) (any, error) {
	if !concerned(pass) {
		return nil, nil
	}
	f := &flow{
		index: newIndex(pass), sinks: make(map[param]bool), fields: make(map[*types.Var]bool),
		accessors: make(map[types.Object]map[string]bool), seen: make(map[value]bool), found: make(map[finding]bool),
	}
	f.settle()
	f.findLostFunctions()
	f.findLostMethods()
	f.findUses()
	f.exportFacts()
	for _, d := range slices.SortedFunc(maps.Keys(f.found), func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(a.message, b.message))
	}) {
		pass.Report(analysis.Diagnostic{Pos: d.pos, Category: d.category, Message: d.message})
	}
	return nil, nil
}

// concerned reports whether a package can read flags. The SDKs themselves pass keys
// on, and read none.
func concerned(pass *analysis.Pass) bool {
	if sdkOf(pass.Pkg) != nil {
		return false
	}
	return len(pass.AllObjectFacts()) > 0 || slices.ContainsFunc(pass.Pkg.Imports(), func(p *types.Package) bool { return sdkOf(p) != nil })
}

// finding is what a diagnostic reports.
type finding struct {
	pos               token.Pos
	category, message string
}

// exportFacts exports what packages that import this one have to know.
func (f *flow) exportFacts() {
	params := make(map[types.Object][]int)
	for p := range f.sinks {
		if o, ok := p.owner.(types.Object); ok && o.Pkg() == f.pass.Pkg {
			params[o] = append(params[o], p.index)
		}
	}
	for o, list := range params {
		if _, err := objectpath.For(o); err != nil {
			continue // a local variable: other packages cannot use it
		}
		slices.Sort(list)
		f.pass.ExportObjectFact(o, &keyParams{list})
	}
	for v := range f.fields {
		if v.Pkg() == f.pass.Pkg {
			f.pass.ExportObjectFact(v, new(keyField))
		}
	}
	for o, keys := range f.accessors {
		f.pass.ExportObjectFact(o, &accessor{slices.Sorted(maps.Keys(keys))})
	}
}

// importedFact returns a fact about an object of another package.
func importedFact[F any, P interface {
	*F
	analysis.Fact
}](pass *analysis.Pass, o types.Object) (fact F, ok bool) {
	if o == nil || o.Pkg() == nil || o.Pkg() == pass.Pkg {
		return fact, false
	}
	ok = pass.ImportObjectFact(o, P(&fact))
	return fact, ok
}
