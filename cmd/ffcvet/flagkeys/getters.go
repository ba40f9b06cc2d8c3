package flagkeys

import (
	"go/types"
	"slices"
	"strings"
)

// sdk is a package whose functions get flag keys.
type sdk struct {
	path string
	// param is the name of the parameters that are keys. Parameters for several
	// keys have its plural.
	param string
	// others are functions with a parameter of that name that is no flag key.
	others []string
}

// sdks are the packages whose getters are known by the names of their parameters:
// new getters of later versions are recognised as well.
var sdks = []sdk{
	{
		path:   "github.com/feature-flags-co/ffc-server-go-sdk/ffc",
		param:  "key",
		others: []string{"NewUser"}, // the key of a user
	},
	{
		path:  "github.com/open-feature/go-sdk/openfeature",
		param: "flag",
	},
}

// sdkOf returns the SDK that is in a package, or nil.
func sdkOf(pkg *types.Package) *sdk {
	if pkg == nil {
		return nil
	}
	i := slices.IndexFunc(sdks, func(s sdk) bool { return s.path == pkg.Path() })
	if i < 0 {
		return nil
	}
	return &sdks[i]
}

// getterParams returns the indexes of the parameters of an SDK's function that are
// flag keys.
func getterParams(f *types.Func) (keys []int) {
	s := sdkOf(f.Pkg())
	if s == nil || slices.Contains(s.others, f.Name()) {
		return nil
	}
	params := f.Signature().Params()
	for i := range params.Len() {
		p := params.At(i)
		if name := strings.TrimSuffix(p.Name(), "s"); name == s.param && isKeyType(p.Type()) {
			keys = append(keys, i)
		}
	}
	return keys
}

// getsAll reports whether a function returns the values of all flags.
func getsAll(f *types.Func) bool {
	return sdkOf(f.Pkg()) != nil && f.Name() == "AllVariations"
}

// receiverType returns the type that a method belongs to, or nil.
func receiverType(f *types.Func) *types.Named {
	recv := f.Signature().Recv()
	if recv == nil {
		return nil
	}
	t := recv.Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	named, _ := types.Unalias(t).(*types.Named)
	return named
}

// isKeyType reports whether a parameter can be a key, or a list of keys.
func isKeyType(t types.Type) bool {
	if list := elements(t); list != nil {
		t = list
	}
	return isString(t)
}

func isString(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsString != 0
}

// isText reports whether a value is a list of bytes or runes, and so a text whose
// elements are no keys.
func isText(t types.Type) bool {
	list := elements(t)
	if list == nil {
		return false
	}
	basic, ok := list.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsInteger != 0
}

// elements returns the type of the elements of a slice or an array, or nil.
func elements(t types.Type) types.Type {
	switch t := t.Underlying().(type) {
	case *types.Slice:
		return t.Elem()
	case *types.Array:
		return t.Elem()
	}
	return nil
}
