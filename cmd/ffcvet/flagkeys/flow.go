package flagkeys

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strconv"

	"golang.org/x/tools/go/types/typeutil"
)

// flow follows flag keys from the getters back to constants.
type flow struct {
	*index
	sinks     map[param]bool      // parameters that are keys
	fields    map[*types.Var]bool // fields that are keys
	accessors map[types.Object]map[string]bool
	seen      map[ast.Expr]bool // expressions that are known to be keys
	found     map[finding]bool
	grew      bool // sinks or fields did
}

// settle looks for keys until it finds no further ones.
func (f *flow) settle() {
	for f.grew = true; f.grew; {
		f.grew = false
		for _, c := range f.calls {
			f.addCall(c)
		}
		for v, values := range f.values {
			f.addFunctionValues(v, values)
			if f.isKeyField(v) {
				for _, value := range values {
					f.key(value)
				}
			}
		}
		f.addInterfaces()
	}
}

// addCall looks at the arguments of a call that are keys.
func (f *flow) addCall(c call) {
	signature, ok := f.pass.TypesInfo.TypeOf(c.expr.Fun).Underlying().(*types.Signature)
	if !ok {
		return
	}
	last := signature.Params().Len() - 1
	several := false // f(g()), where g returns several values
	if len(c.args) == 1 {
		_, several = f.pass.TypesInfo.TypeOf(c.args[0]).(*types.Tuple)
	}
	for _, i := range f.keyParams(c.callee) {
		switch {
		case several:
			f.unknown(c.args[0])
		case signature.Variadic() && i == last && !c.expr.Ellipsis.IsValid():
			for _, arg := range c.args[min(i, len(c.args)):] {
				f.key(arg)
			}
		case i < len(c.args):
			f.key(c.args[i])
		}
	}
	if callee, ok := c.callee.(*types.Func); ok && getsAll(callee) {
		f.report(c.expr.Pos(), "%s returns all flags", callee.Name())
	}
}

// keyParams returns the indexes of a function's parameters that are keys.
func (f *flow) keyParams(function any) (keys []int) {
	if o, ok := function.(types.Object); ok {
		if fact, ok := importedFact[keyParams](f.pass, o); ok {
			return fact.Params
		}
	}
	if callee, ok := function.(*types.Func); ok {
		keys = getterParams(callee)
	}
	for p := range f.sinks {
		if p.owner == function && !slices.Contains(keys, p.index) {
			keys = append(keys, p.index)
		}
	}
	return keys
}

// isKeyField reports whether a variable is a field whose value is a key.
func (f *flow) isKeyField(v *types.Var) bool {
	if !v.IsField() {
		return false
	}
	_, ok := importedFact[keyField](f.pass, v)
	return ok || f.fields[v]
}

// addFunctionValues makes a variable a getter if a getter is assigned to it.
func (f *flow) addFunctionValues(v *types.Var, values []ast.Expr) {
	if _, ok := v.Type().Underlying().(*types.Signature); !ok {
		return
	}
	for _, value := range values {
		for _, i := range f.keyParams(f.function(value)) {
			if v.Pkg() == f.pass.Pkg {
				f.addSink(param{v, i})
			} else if !slices.Contains(f.keyParams(v), i) {
				f.lost(value, v)
			}
		}
	}
}

// function returns what an expression is as the owner of parameters, or nil.
func (f *flow) function(e ast.Expr) any {
	if literal, ok := ast.Unparen(e).(*ast.FuncLit); ok {
		return literal
	}
	name := functionName(e)
	if name == nil {
		return nil
	}
	switch o := f.pass.TypesInfo.Uses[name].(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return nil
}

func (f *flow) addSink(p param) {
	if !f.sinks[p] {
		f.sinks[p] = true
		f.grew = true
	}
}

// key records that the value of an expression is a flag key, or a list of them.
func (f *flow) key(e ast.Expr) {
	e = ast.Unparen(e)
	if f.seen[e] {
		return
	}
	f.seen[e] = true
	value := f.pass.TypesInfo.Types[e].Value
	if value != nil && value.Kind() == constant.String {
		f.read(e.Pos(), constant.StringVal(value))
		return
	}
	switch e := e.(type) {
	case *ast.CompositeLit:
		f.keyElements(e, false)
		return
	case *ast.CallExpr: // a conversion, or a function of this package
		if f.pass.TypesInfo.Types[e.Fun].IsType() && len(e.Args) == 1 {
			f.key(e.Args[0])
			return
		}
		if callee := typeutil.StaticCallee(f.pass.TypesInfo, e); callee != nil && len(f.returns[callee.Origin()]) > 0 {
			for _, result := range f.returns[callee.Origin()] {
				f.key(result)
			}
			return
		}
	case *ast.IndexExpr: // an element of a list or a map
		if v := f.variable(e.X); v != nil && f.literals(v) != nil {
			for _, list := range f.literals(v) {
				f.keyElements(list, false)
			}
			return
		}
		if list, ok := ast.Unparen(e.X).(*ast.CompositeLit); ok {
			f.keyElements(list, false)
			return
		}
	case *ast.Ident, *ast.SelectorExpr:
		if v := f.variable(e); v != nil && f.keyVariable(v) {
			return
		}
	}
	f.unknown(e)
}

// keyVariable records that the value of a variable is a flag key. It reports
// whether it knows all values of the variable.
func (f *flow) keyVariable(v *types.Var) (known bool) {
	values := f.values[v]
	switch {
	case f.isKeyField(v) && v.Pkg() != f.pass.Pkg:
		return true // the packages that set it know
	case v.Pkg() != f.pass.Pkg || f.opaque[v]:
		return false
	case v.IsField():
		if !f.fields[v] {
			f.fields[v] = true
			f.grew = true
		}
		if f.tagged[v] || !v.Exported() && len(values) == 0 {
			return false
		}
	}
	if p, ok := f.params[v]; ok {
		if !f.keyParam(p) {
			return false
		}
	} else if r, ok := f.ranges[v]; ok {
		if !f.keyRange(r) {
			return false
		}
	} else if !v.IsField() && (len(values) == 0 || v.Exported() && v.Parent() == f.pass.Pkg.Scope()) {
		return false // other packages may change it
	}
	for _, value := range values {
		f.key(value)
	}
	return true
}

// keyParam records that a parameter is a flag key. It reports whether it knows the
// callers of the function.
func (f *flow) keyParam(p param) (known bool) {
	f.addSink(p)
	literal, ok := p.owner.(*ast.FuncLit)
	if !ok {
		return true
	}
	called := slices.ContainsFunc(f.calls, func(c call) bool { return c.callee == any(literal) })
	return called || len(f.bound[literal]) > 0
}

// keyRange records that the variable of a range statement is a flag key. It
// reports whether it knows all elements.
func (f *flow) keyRange(r rangeVar) (known bool) {
	if list, ok := ast.Unparen(r.of).(*ast.CompositeLit); ok {
		f.keyElements(list, r.keys)
		return true
	}
	v := f.variable(r.of)
	if v == nil {
		return false
	}
	if p, ok := f.params[v]; ok && !r.keys && len(f.values[v]) == 0 && !f.opaque[v] {
		return f.keyParam(p)
	}
	lists := f.literals(v)
	for _, list := range lists {
		f.keyElements(list, r.keys)
	}
	return lists != nil
}

// literals returns the lists or maps that a variable gets, or nil if it may get
// others.
func (f *flow) literals(v *types.Var) (lists []*ast.CompositeLit) {
	if v.Pkg() != f.pass.Pkg || f.opaque[v] || v.IsField() || v.Exported() && v.Parent() == f.pass.Pkg.Scope() {
		return nil
	}
	for _, value := range f.values[v] {
		list, ok := ast.Unparen(value).(*ast.CompositeLit)
		if !ok {
			return nil
		}
		lists = append(lists, list)
	}
	return lists
}

// keyElements records that the elements of a list or a map, or the keys of a map,
// are flag keys.
func (f *flow) keyElements(list *ast.CompositeLit, keys bool) {
	for _, element := range list.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			element = pair.Value
			if keys {
				element = pair.Key
			}
		}
		f.key(element)
	}
}

// read reports a read of a flag, or adds it to the generated accessor around it.
func (f *flow) read(pos token.Pos, key string) {
	if owners := f.accessorsAt(pos); owners != nil {
		for _, o := range owners {
			f.addAccess(o, key)
		}
		return
	}
	f.found[finding{pos, CategoryRead, "reads flag " + strconv.Quote(key)}] = true
}

// unknown reports that the key in an expression cannot be known.
func (f *flow) unknown(e ast.Expr) {
	f.report(e.Pos(), "expected a constant, got %s", types.ExprString(e))
}

func (f *flow) report(pos token.Pos, format string, args ...any) {
	f.found[finding{pos, CategoryUnknown, "flag key cannot be known: " + fmt.Sprintf(format, args...)}] = true
}

// findLostFunctions reports getters that are used as values in ways that are not
// followed.
func (f *flow) findLostFunctions() {
	for name, o := range f.pass.TypesInfo.Uses {
		function, ok := o.(*types.Func)
		if !ok || f.called[name] || f.assigned[name] || f.fileAt(name.Pos()) == nil {
			continue
		}
		if len(f.keyParams(function.Origin())) > 0 {
			f.lost(name, function)
		}
	}
}

// lost reports a getter whose callers are not known: a function, or a variable or
// field that holds one.
func (f *flow) lost(value ast.Expr, getter types.Object) {
	name := getter.Name()
	if owner := ownerOf(getter); owner != nil {
		name = f.nameOf(owner) + "." + name
	} else if p := f.qualifier(getter.Pkg()); p != "" {
		name = p + "." + name
	}
	f.report(value.Pos(), "callers of %s are not known", name)
}

// ownerOf returns the type that has a method, or the one of its package that has a
// field; nil if there is none.
func ownerOf(o types.Object) types.Type {
	switch o := o.(type) {
	case *types.Func:
		if receiver := o.Signature().Recv(); receiver != nil {
			return receiver.Type()
		}
	case *types.Var:
		if !o.IsField() || o.Pkg() == nil {
			return nil
		}
		for _, name := range o.Pkg().Scope().Names() {
			t, ok := o.Pkg().Scope().Lookup(name).(*types.TypeName)
			if !ok {
				continue
			}
			if s, ok := t.Type().Underlying().(*types.Struct); ok && slices.Contains(slices.Collect(s.Fields()), o) {
				return t.Type()
			}
		}
	}
	return nil
}

// nameOf returns the name of a type as the code writes it, without * of a pointer.
func (f *flow) nameOf(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return types.TypeString(t, f.qualifier)
}

// qualifier returns the name of a package; "" for the one that is analyzed.
func (f *flow) qualifier(p *types.Package) string {
	if p == nil || p == f.pass.Pkg {
		return ""
	}
	return p.Name()
}
