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
	seen      map[value]bool // what is known to be keys
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
					f.findKeys(value.expr, value.mapKeys)
				}
			}
		}
		f.addInterfaces()
	}
	for v, places := range f.opaque {
		if v.Pkg() != f.pass.Pkg && f.isKeyField(v) {
			for _, e := range places {
				f.unknown(e)
			}
		}
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
				f.findKeys(arg, false)
			}
		case i < len(c.args):
			f.findKeys(c.args[i], false)
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
func (f *flow) addFunctionValues(v *types.Var, values []value) {
	if _, ok := v.Type().Underlying().(*types.Signature); !ok {
		return
	}
	for _, value := range values {
		for _, i := range f.keyParams(f.function(value.expr)) {
			if v.Pkg() == f.pass.Pkg {
				f.addSink(param{v, i})
			} else if !slices.Contains(f.keyParams(v), i) {
				f.lost(value.expr, v)
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

// findKeys records that the value of an expression is a flag key, or that the elements
// of a list or map are; with mapKeys the keys of the map are.
func (f *flow) findKeys(e ast.Expr, mapKeys bool) {
	e = ast.Unparen(e)
	if f.seen[value{e, mapKeys}] {
		return
	}
	f.seen[value{e, mapKeys}] = true
	info := f.pass.TypesInfo
	switch result := info.Types[e]; {
	case result.Value != nil && result.Value.Kind() == constant.String:
		f.read(e.Pos(), constant.StringVal(result.Value))
		return
	case result.IsNil():
		return
	case isText(info.TypeOf(e)):
		f.unknown(e)
		return
	}
	switch e := e.(type) {
	case *ast.CompositeLit:
		for _, element := range e.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				element = pair.Value
				if mapKeys {
					element = pair.Key
				}
			}
			f.findKeys(element, false)
		}
		return
	case *ast.CallExpr: // a conversion, append, or a function of this package
		if info.Types[e.Fun].IsType() && len(e.Args) == 1 {
			f.findKeys(e.Args[0], mapKeys)
			return
		}
		parts := e.Args
		if callee := typeutil.StaticCallee(info, e); callee != nil {
			parts = f.returns[callee.Origin()]
		} else if builtin, ok := typeutil.Callee(info, e).(*types.Builtin); !ok || builtin.Name() != "append" {
			break
		}
		for _, part := range parts {
			f.findKeys(part, mapKeys)
		}
		if len(parts) > 0 {
			return
		}
	case *ast.IndexExpr:
		if !mapKeys && !isString(info.TypeOf(e.X)) {
			f.findKeys(e.X, false)
			return
		}
	case *ast.SliceExpr:
		if !isString(info.TypeOf(e.X)) {
			f.findKeys(e.X, false)
			return
		}
	case *ast.Ident, *ast.SelectorExpr:
		if v := f.variable(e); v != nil && f.keyVariable(v, mapKeys) {
			return
		}
	}
	f.unknown(e)
}

// keyVariable is findKeys for a variable. It reports whether it knows all values of
// the variable.
func (f *flow) keyVariable(v *types.Var, mapKeys bool) (known bool) {
	values := f.values[v]
	p, isParam := f.params[v]
	switch {
	case mapKeys && (isParam || v.IsField()):
		return false // keys of maps are not followed that far
	case v.Pkg() != f.pass.Pkg:
		return f.isKeyField(v) // the packages that set it know
	case v.IsField():
		if !f.fields[v] {
			f.fields[v] = true
			f.grew = true
		}
		if f.opaque[v] != nil || !v.Exported() && len(values) == 0 {
			return false
		}
	case f.opaque[v] != nil:
		return false
	case isParam:
		f.addSink(p)
		if literal, ok := p.owner.(*ast.FuncLit); ok && !f.followed[literal] {
			return false // its callers are not known
		}
	case len(values) == 0 || v.Exported() && v.Parent() == f.pass.Pkg.Scope():
		return false // other packages may change it
	}
	for _, value := range values {
		if mapKeys && !types.Identical(f.pass.TypesInfo.TypeOf(value.expr).Underlying(), v.Type().Underlying()) {
			return false // an element of a list or map of maps
		}
		f.findKeys(value.expr, value.mapKeys || mapKeys)
	}
	return true
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
		if !ok || f.followed[name] || f.fileAt(name.Pos()) == nil {
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
