package flagkeys

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// index is what a package assigns to variables and passes to functions. Files of
// tests are not in it.
type index struct {
	pass  *analysis.Pass
	files []*ast.File
	calls []call
	// values are what is assigned to a variable, a field or a parameter of a
	// function of this package.
	values map[*types.Var][]value
	// opaque are variables and fields that also get values in other ways, with
	// where they do: decoders set fields with a tag.
	opaque map[*types.Var][]ast.Expr
	// params are the parameters of functions.
	params map[*types.Var]param
	// followed are the names of functions and the function literals that are
	// called or assigned to a variable, and so are no values that this analysis
	// loses.
	followed map[ast.Expr]bool
	// returns are the results of functions of this package that have one.
	returns map[types.Object][]ast.Expr
	// conversions are the values that become values of an interface.
	conversions []conversion
}

// call is a call of a function with a name, or of a literal.
type call struct {
	expr   *ast.CallExpr
	callee any // *types.Func, *types.Var or *ast.FuncLit
	args   []ast.Expr
}

// param is a parameter of a function: of a *types.Func, of a *types.Var or field
// that holds functions, or of an *ast.FuncLit.
type param struct {
	owner any
	index int
}

// value is what a variable may have: the value of an expression, or an element of the
// list or map that it is, or a key of the map.
type value struct {
	expr    ast.Expr
	mapKeys bool
}

// conversion is a value that is assigned to an interface.
type conversion struct {
	expr ast.Expr
	to   types.Type
}

func newIndex(pass *analysis.Pass) *index {
	x := &index{
		pass:   pass,
		values: make(map[*types.Var][]value), opaque: make(map[*types.Var][]ast.Expr),
		params: make(map[*types.Var]param), followed: make(map[ast.Expr]bool),
		returns: make(map[types.Object][]ast.Expr),
	}
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.FileStart).Filename, "_test.go") {
			continue
		}
		x.files = append(x.files, file)
		ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
			if result, ok := n.(*ast.ReturnStmt); ok {
				x.addReturn(result, stack)
			}
			x.add(n)
			return true
		})
	}
	return x
}

// signature returns the type of a function that is declared or a literal, or nil.
func (x *index) signature(n ast.Node) *types.Signature {
	switch n := n.(type) {
	case *ast.FuncDecl:
		if f, ok := x.pass.TypesInfo.Defs[n.Name].(*types.Func); ok {
			return f.Signature()
		}
	case *ast.FuncLit:
		signature, _ := x.pass.TypesInfo.TypeOf(n).(*types.Signature)
		return signature
	}
	return nil
}

func (x *index) add(n ast.Node) {
	info := x.pass.TypesInfo
	switch n := n.(type) {
	case *ast.FuncDecl:
		if f, ok := info.Defs[n.Name].(*types.Func); ok {
			x.addParams(f, f.Signature())
		}
	case *ast.FuncLit:
		if signature := x.signature(n); signature != nil {
			x.addParams(n, signature)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			switch v := x.variable(left); {
			case len(n.Lhs) != len(n.Rhs) || n.Tok != token.ASSIGN && n.Tok != token.DEFINE:
				x.hide(left)
			case v == nil:
				x.hide(left)
				x.convert(n.Rhs[i], info.TypeOf(left))
			default:
				x.assign(v, n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			switch v, _ := info.Defs[name].(*types.Var); {
			case v == nil || len(n.Values) == 0:
			case len(n.Values) != len(n.Names):
				x.hide(name)
			default:
				x.assign(v, n.Values[i])
			}
		}
	case *ast.RangeStmt:
		x.addRange(n)
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			x.hide(n.X)
		}
	case *ast.CompositeLit:
		x.addLiteral(n)
	case *ast.CallExpr:
		x.addCall(n)
	case *ast.SendStmt:
		if channel, ok := info.TypeOf(n.Chan).Underlying().(*types.Chan); ok {
			x.convert(n.Value, channel.Elem())
		}
	case *ast.StructType:
		for _, field := range n.Fields.List {
			for _, name := range field.Names {
				if field.Tag != nil {
					x.hide(name)
				}
			}
		}
	}
}

func (x *index) addParams(owner any, signature *types.Signature) {
	for i := range signature.Params().Len() {
		x.params[signature.Params().At(i)] = param{owner, i}
	}
}

// assign records that a variable gets a value.
func (x *index) assign(v *types.Var, e ast.Expr) {
	v = v.Origin()
	x.values[v] = append(x.values[v], value{expr: e})
	x.convert(e, v.Type())
	x.follow(e)
}

// follow records that a function is called or assigned to a variable.
func (x *index) follow(e ast.Expr) {
	if literal, ok := ast.Unparen(e).(*ast.FuncLit); ok {
		x.followed[literal] = true
	} else if name := functionName(e); name != nil {
		x.followed[name] = true
	}
}

// addReturn records the results of the innermost function around a statement.
func (x *index) addReturn(n *ast.ReturnStmt, stack []ast.Node) {
	for _, outer := range slices.Backward(stack) {
		signature := x.signature(outer)
		if signature == nil {
			continue
		}
		if signature.Results().Len() == len(n.Results) {
			for i, result := range n.Results {
				x.convert(result, signature.Results().At(i).Type())
			}
		}
		if declaration, ok := outer.(*ast.FuncDecl); ok && signature.Results().Len() == 1 {
			f := x.pass.TypesInfo.Defs[declaration.Name]
			x.returns[f] = append(x.returns[f], n.Results...)
			if len(n.Results) == 0 { // the result has a name
				x.returns[f] = append(x.returns[f], declaration.Type.Results.List[0].Names[0])
			}
		}
		return
	}
}

// hide records that a variable, or the elements of one, get values in a way that
// is not followed.
func (x *index) hide(e ast.Expr) {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		x.hide(e.X)
	default:
		if v := x.variable(e); v != nil {
			x.opaque[v] = append(x.opaque[v], e)
		}
	}
}

// convert records a value that may become that of an interface.
func (x *index) convert(e ast.Expr, to types.Type) {
	if to == nil {
		return
	}
	if _, ok := to.(*types.TypeParam); !ok && types.IsInterface(to) {
		x.conversions = append(x.conversions, conversion{e, to})
	}
}

func (x *index) addRange(n *ast.RangeStmt) {
	info := x.pass.TypesInfo
	_, isMap := info.TypeOf(n.X).Underlying().(*types.Map)
	isList := elements(info.TypeOf(n.X)) != nil
	for e, known := range map[ast.Expr]bool{n.Key: isMap, n.Value: isMap || isList} {
		if v := x.variable(e); v != nil && known {
			x.values[v] = append(x.values[v], value{n.X, e == n.Key})
		} else if e != nil {
			x.hide(e)
		}
	}
}

func (x *index) addLiteral(n *ast.CompositeLit) {
	info := x.pass.TypesInfo
	t := info.TypeOf(n)
	if p, ok := t.Underlying().(*types.Pointer); ok { // &T left out in a list
		t = p.Elem()
	}
	switch t := t.Underlying().(type) {
	case *types.Struct:
		for i, element := range n.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				if v := x.variable(pair.Key); v != nil {
					x.assign(v, pair.Value)
				}
			} else {
				x.assign(t.Field(i), element)
			}
		}
	case *types.Map:
		for _, element := range n.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				x.convert(pair.Value, t.Elem())
			}
		}
	default:
		for _, element := range n.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				element = pair.Value
			}
			x.convert(element, elements(t))
		}
	}
}

func (x *index) addCall(n *ast.CallExpr) {
	info := x.pass.TypesInfo
	if info.Types[n.Fun].IsType() {
		if len(n.Args) == 1 {
			x.convert(n.Args[0], info.TypeOf(n))
		}
		return
	}
	signature, ok := info.TypeOf(n.Fun).Underlying().(*types.Signature)
	if !ok {
		return // built in
	}
	for i, arg := range n.Args {
		x.convert(arg, paramType(signature, i, n.Ellipsis.IsValid()))
	}
	fun := ast.Unparen(n.Fun)
	x.follow(fun)
	if literal, ok := fun.(*ast.FuncLit); ok {
		x.calls = append(x.calls, call{n, literal, n.Args})
		return
	}
	switch callee := typeutil.Callee(info, n).(type) {
	case *types.Func:
		args := n.Args
		if selector, ok := fun.(*ast.SelectorExpr); ok {
			if s := info.Selections[selector]; s != nil && s.Kind() == types.MethodExpr && len(args) > 0 {
				args = args[1:] // the first is the receiver
			}
		}
		callee = callee.Origin()
		x.calls = append(x.calls, call{n, callee, args})
		if callee.Pkg() == x.pass.Pkg && len(args) == len(n.Args) {
			x.bindArgs(callee.Signature(), n)
		}
	case *types.Var:
		x.calls = append(x.calls, call{n, callee.Origin(), n.Args})
	}
}

// bindArgs assigns functions that are arguments to the parameters. Other arguments
// are looked at where the parameter is a key.
func (x *index) bindArgs(signature *types.Signature, n *ast.CallExpr) {
	for i, arg := range n.Args {
		if i >= signature.Params().Len() || signature.Variadic() && i == signature.Params().Len()-1 {
			return
		}
		v := signature.Params().At(i)
		if _, ok := v.Type().Underlying().(*types.Signature); ok {
			x.assign(v, arg)
		}
	}
}

// paramType returns the type of the parameter that gets argument i, or nil.
func paramType(signature *types.Signature, i int, spread bool) types.Type {
	n := signature.Params().Len()
	switch {
	case signature.Variadic() && i >= n-1 && !spread:
		return elements(signature.Params().At(n - 1).Type())
	case i < n:
		return signature.Params().At(i).Type()
	}
	return nil // f(g()), where g returns several values
}

// variable returns the variable or field that an expression names, or nil.
func (x *index) variable(e ast.Expr) *types.Var {
	if e == nil {
		return nil
	}
	name := nameOf(ast.Unparen(e))
	if name == nil {
		return nil
	}
	v, _ := x.pass.TypesInfo.ObjectOf(name).(*types.Var)
	if v == nil {
		return nil
	}
	return v.Origin()
}

// nameOf returns the name that an expression ends with, or nil.
func nameOf(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	}
	return nil
}

// functionName returns the name of a function, or nil.
func functionName(e ast.Expr) *ast.Ident {
	e = ast.Unparen(e)
	switch instance := e.(type) { // of a generic function
	case *ast.IndexExpr:
		e = instance.X
	case *ast.IndexListExpr:
		e = instance.X
	}
	return nameOf(e)
}
