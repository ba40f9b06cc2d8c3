package flagkeys

import (
	"go/types"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// noKeys are the functions of the SDKs with strings that are no flag keys, without
// those that make attributes of users.
var noKeys = map[string][]string{
	"../../..": {"NewUser", "Client.Track", "Client.TrackMetric"},
	"../../../openfeature": {
		"Client.AddHandler", "Client.RemoveHandler", "Client.Track", "IClient.AddHandler", "IClient.RemoveHandler", "IClient.Track", "NewClient",
	},
}

// TestGetters: every function of the SDKs with a string is a getter, or is known
// to be none. A getter whose parameter has another name would not be recognised.
func TestGetters(t *testing.T) {
	for i, dir := range []string{"../../..", "../../../openfeature"} {
		var owners []string
		if i == 1 { // the rest of OpenFeature's API has many strings
			owners = []string{"Client", "IClient"}
		}
		s := sdks[i]
		loaded, err := packages.Load(&packages.Config{Mode: packages.LoadTypes, Dir: dir}, s.path)
		if err != nil || len(loaded) != 1 || len(loaded[0].Errors) > 0 {
			t.Fatalf("%s: %v %v", s.path, err, loaded[0].Errors)
		}
		getters := 0
		for name, f := range functions(loaded[0].Types, owners) {
			switch keys := getterParams(f); {
			case len(keys) == 1:
				getters++
			case len(keys) > 1:
				t.Errorf("%s: keys in parameters %v", name, keys)
			case hasString(f) && !slices.Contains(noKeys[dir], name):
				t.Errorf("%s.%s is not recognised: expected a parameter that is called %s, or an entry in noKeys", s.path, name, s.param)
			}
			if slices.Contains(noKeys[dir], name) && len(getterParams(f)) > 0 {
				t.Errorf("%s.%s is a getter, but has an entry in noKeys", s.path, name)
			}
		}
		if getters < 20 {
			t.Errorf("%s: %d getters", s.path, getters)
		}
	}
}

// functions returns the exported functions and methods of a package; with owners
// only the methods of these types, and the functions that make them.
func functions(pkg *types.Package, owners []string) map[string]*types.Func {
	all := make(map[string]*types.Func)
	for _, name := range pkg.Scope().Names() {
		switch o := pkg.Scope().Lookup(name).(type) {
		case *types.Func:
			if o.Exported() && !makesAttr(o) && (owners == nil || name == "NewClient") {
				all[name] = o
			}
		case *types.TypeName:
			if !o.Exported() || owners != nil && !slices.Contains(owners, name) {
				continue
			}
			set := types.NewMethodSet(o.Type())
			if !types.IsInterface(o.Type()) {
				set = types.NewMethodSet(types.NewPointer(o.Type()))
			}
			for method := range set.Methods() {
				if f, ok := method.Obj().(*types.Func); ok && f.Exported() {
					all[name+"."+f.Name()] = f
				}
			}
		}
	}
	return all
}

func makesAttr(f *types.Func) bool {
	results := f.Signature().Results()
	return results.Len() == 1 && strings.HasSuffix(results.At(0).Type().String(), "/ffc.Attr")
}

func hasString(f *types.Func) bool {
	params := f.Signature().Params()
	for i := range params.Len() {
		if isKeyType(params.At(i).Type()) {
			return true
		}
	}
	return false
}
