package flagkeys

import (
	"go/types"
)

// addInterfaces makes the methods of an interface getters if a type implements it
// whose methods are getters. The interface is one of this package, the type one
// that this package or one that it imports declares.
func (f *flow) addInterfaces() {
	for _, o := range f.pass.TypesInfo.Defs {
		name, ok := o.(*types.TypeName)
		if !ok || f.fileAt(name.Pos()) == nil {
			continue
		}
		named, ok := name.Type().(*types.Named)
		if !ok || named.TypeParams().Len() > 0 {
			continue
		}
		if contract, ok := named.Underlying().(*types.Interface); ok && contract.NumMethods() > 0 {
			for _, t := range f.getterTypes() {
				f.addInterface(contract, t)
			}
		}
	}
}

func (f *flow) addInterface(contract *types.Interface, t *types.Named) {
	if types.IsInterface(t) || t.TypeParams().Len() > 0 || !types.Implements(types.NewPointer(t), contract) {
		return
	}
	for i := range contract.NumMethods() {
		method := contract.Method(i)
		for _, key := range f.keyParams(f.method(t, method)) {
			f.addSink(param{method.Origin(), key})
		}
	}
}

// method returns the method of a type that implements that of an interface, or
// nil.
func (f *flow) method(t types.Type, of *types.Func) any {
	o, _, _ := types.LookupFieldOrMethod(t, true, of.Pkg(), of.Name())
	if method, ok := o.(*types.Func); ok {
		return method.Origin()
	}
	return nil
}

// getterTypes returns the types with methods that are getters, as far as this
// package can know them.
func (f *flow) getterTypes() (all []*types.Named) {
	known := make(map[*types.Named]bool)
	add := func(method *types.Func) {
		if t := receiverType(method); t != nil && !known[t] {
			known[t] = true
			all = append(all, t)
		}
	}
	for p := range f.sinks {
		if method, ok := p.owner.(*types.Func); ok {
			add(method)
		}
	}
	for _, fact := range f.pass.AllObjectFacts() {
		if method, ok := fact.Object.(*types.Func); ok {
			if _, ok := fact.Fact.(*keyParams); ok {
				add(method)
			}
		}
	}
	for _, pkg := range f.pass.Pkg.Imports() {
		if sdkOf(pkg) == nil {
			continue
		}
		for _, name := range pkg.Scope().Names() {
			o, ok := pkg.Scope().Lookup(name).(*types.TypeName)
			if !ok {
				continue
			}
			if t, ok := o.Type().(*types.Named); ok {
				for i := range t.NumMethods() {
					if len(getterParams(t.Method(i))) > 0 {
						add(t.Method(i))
					}
				}
			}
		}
	}
	return all
}

// findLostMethods reports values with getters that become values of an interface
// whose callers are not known.
func (f *flow) findLostMethods() {
	for _, c := range f.conversions {
		t := f.pass.TypesInfo.TypeOf(c.expr)
		if t == nil || types.IsInterface(t) {
			continue
		}
		contract := c.to.Underlying().(*types.Interface)
		if named, ok := types.Unalias(c.to).(*types.Named); ok && sdkOf(named.Obj().Pkg()) != nil {
			continue // its callers are getters of the SDK
		}
		for i := range contract.NumMethods() {
			method := contract.Method(i)
			if len(f.keyParams(f.method(t, method))) > 0 && len(f.keyParams(method.Origin())) == 0 {
				f.report(c.expr.Pos(), "callers of %s.%s are not known", f.nameOf(c.to), method.Name())
				break
			}
		}
	}
}
