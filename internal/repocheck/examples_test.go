package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamples: an example shows each constructor, each type that has methods of
// its own, each other function and each method of Client.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{
		"ffc", "ffc/ffctest", "flush", "transport", "transport/stream", "transport/poll", "transport/fleet", "transport/fleet/fleettest", "transport/fleet/fleetredis", "transport/fleet/fleetnats", "transport/fleet/fleetaws", "relay", "transport/transporttest", "lambda", "lambda/lambdatest", "openfeature", "otel",
	} {
		pkg := readPackage(t, dir)
		if len(pkg.funcs)+len(pkg.types) == 0 {
			t.Errorf("%s exports nothing", dir)
		}
		for name, missing := range pkg.missing() {
			t.Errorf("%s.%s: %s", filepath.Base(dir), name, missing)
		}
	}
}

// exported is what a package exports and what its examples show.
type exported struct {
	funcs    map[string]string          // to the type that they make, or ""
	types    map[string]map[string]bool // to their methods
	contract map[string]bool            // types that are interfaces
	examples map[string]bool            // by name, without Example
	used     map[string]bool            // names after a dot in example files
}

// missing returns what no example shows, and what is expected.
func (p *exported) missing() map[string]string {
	list := make(map[string]string)
	made := make(map[string]bool) // types whose constructor has an example
	for name, makes := range p.funcs {
		switch {
		case p.examples[name]:
			made[makes] = true
		case strings.HasPrefix(name, "New"):
			list[name] = "expected Example" + name
		case !p.used[name]:
			list[name] = "expected an example that calls it"
		}
	}
	for name, methods := range p.types {
		switch {
		case p.contract[name] && !p.used[name]:
			list[name] = "expected an example that implements it"
		case len(methods) > 0 && !p.contract[name] && !made[name] && !p.examples[name]:
			list[name] = "expected Example" + name + ", or one of its constructor or of a method"
		}
		for method := range methods {
			if name == "Client" && !p.used[method] {
				list[name+"."+method] = "expected an example that calls it"
			}
		}
	}
	return list
}

// inherited are methods that belong to interfaces of the standard library.
var inherited = map[string]bool{"Format": true, "String": true, "Error": true, "Unwrap": true, "MarshalJSON": true, "MarshalText": true, "LogValue": true}

func readPackage(t *testing.T, dir string) *exported {
	t.Helper()
	p := &exported{
		funcs:    make(map[string]string),
		types:    make(map[string]map[string]bool),
		contract: make(map[string]bool),
		examples: make(map[string]bool),
		used:     make(map[string]bool),
	}
	files, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*.go"))
	for _, path := range files {
		test, example := strings.HasSuffix(path, "_test.go"), strings.HasPrefix(filepath.Base(path), "example")
		if test && !example {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if test {
			p.addExamples(file)
		} else {
			p.addSource(file)
		}
	}
	return p
}

func (p *exported) addSource(file *ast.File) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			switch owner := receiver(d); {
			case !d.Name.IsExported():
			case d.Recv == nil:
				p.funcs[d.Name.Name] = result(d)
			case ast.IsExported(owner) && !inherited[d.Name.Name]:
				p.addType(owner)[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				typ, ok := spec.(*ast.TypeSpec)
				if !ok || !typ.Name.IsExported() {
					continue
				}
				p.addType(typ.Name.Name)
				if _, ok := typ.Type.(*ast.InterfaceType); ok {
					p.contract[typ.Name.Name] = true
				}
			}
		}
	}
}

func (p *exported) addType(name string) map[string]bool {
	if p.types[name] == nil {
		p.types[name] = make(map[string]bool)
	}
	return p.types[name]
}

func (p *exported) addExamples(file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if name, ok := strings.CutPrefix(n.Name.Name, "Example"); ok && n.Recv == nil {
				// A suffix names a method, or what is special about the example.
				name, _, _ = strings.Cut(name, "_")
				p.examples[name] = true
			}
		case *ast.SelectorExpr:
			p.used[n.Sel.Name] = true
		}
		return true
	})
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	return typeName(d.Recv.List[0].Type)
}

// result returns the type of the first result.
func result(d *ast.FuncDecl) string {
	if d.Type.Results == nil {
		return ""
	}
	return typeName(d.Type.Results.List[0].Type)
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
