package eval

import (
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// User is the user a flag is evaluated for. It does not change after it is
// built, so goroutines can share it and events can keep it.
//
// A user is independent of the platform. Attributes keep their original names,
// and the semantics of each platform say which names are built in.
type User struct {
	Key string
	// Name, Email and Country are the attributes of exactly these names in lower
	// case.
	Name, Email, Country string
	// Custom has all other attributes, also those with names that classic
	// reserves: see Reserved.
	Custom []CustomAttribute

	// invalid has the names of attributes whose values the platform cannot hold.
	invalid map[string]struct{}
	// byName has the indexes of Custom, from manyAttributes on.
	byName map[string]int
	// aliases say where classic finds name, email and country.
	aliases [3]alias
	// bucket caches the bucket of Key, as the bits of a float64; 0 means not
	// computed yet.
	bucket atomic.Uint64
}

// CustomAttribute is an attribute that is found by its name.
type CustomAttribute struct {
	Name, Value string
}

// alias is where classic finds a built-in attribute: aliasNone, aliasBlank, or
// the index of a custom attribute plus one.
type alias int32

const (
	aliasNone  alias = 0  // in the field of that name
	aliasBlank alias = -1 // nowhere: classic treats a blank value as missing
)

// Valid reports whether u is not nil and has a key.
func (u *User) Valid() bool { return u != nil && u.Key != "" }

// Set stores an attribute; the last of equal names wins. "Name", "Email" and
// "Country" are attributes of their own, and on classic they are also other
// spellings of the lower-case names: the last of both spellings wins there. Set
// is for building a user only.
func (u *User) Set(name, value string) {
	field, i := &u.Name, 0
	switch name {
	case "keyId":
		return // the key, on FeatBit; reserved on classic
	case "name":
	case "email":
		field, i = &u.Email, 1
	case "country":
		field, i = &u.Country, 2
	case "Name", "Email", "Country":
		u.setAlias(name, u.SetCustom(name, value), value)
		return
	default:
		u.SetCustom(name, value)
		return
	}
	*field = value
	u.aliases[i] = aliasNone
	if value != "" && Blank(value) {
		u.aliases[i] = aliasBlank
	}
}

func (u *User) setAlias(name string, index int, value string) {
	i := 0
	switch name {
	case "Email":
		i = 1
	case "Country":
		i = 2
	}
	u.aliases[i] = alias(index + 1)
	if Blank(value) {
		u.aliases[i] = aliasBlank
	}
}

// manyAttributes is the number of attributes from which on a map is used. A
// linear search would make building a user of n attributes take quadratic time.
const manyAttributes = 16

// SetCustom stores a custom attribute of exactly this name, and returns its
// index. It is for building a user only.
func (u *User) SetCustom(name, value string) int {
	i := u.find(name)
	if i >= 0 {
		u.Custom[i].Value = value
		return i
	}
	i = len(u.Custom)
	u.Custom = append(u.Custom, CustomAttribute{name, value})
	switch {
	case u.byName != nil:
		u.byName[name] = i
	case len(u.Custom) == manyAttributes:
		u.byName = make(map[string]int, cap(u.Custom))
		for i := range u.Custom {
			u.byName[u.Custom[i].Name] = i
		}
	}
	return i
}

// SetInvalid says that the user has an attribute with a value that the platform
// cannot hold. Evaluations that need the attribute fail, unless the user also has
// an attribute of this name with a value. SetInvalid is for building a user only.
func (u *User) SetInvalid(name string) {
	if u.invalid == nil {
		u.invalid = make(map[string]struct{})
	}
	u.invalid[name] = struct{}{}
}

// invalidName reports whether the attribute that a clause uses is invalid, and
// returns the name under which the user has it.
func (u *User) invalidName(ref *attributeRef) (name string, invalid bool) {
	names := builtInNames[ref.kind]
	if ref.kind == AttributeCustom {
		names = []string{ref.name}
	}
	for _, name := range names {
		if _, invalid := u.invalid[name]; invalid {
			return name, true
		}
	}
	return "", false
}

// builtInNames has the names under which a user may have an attribute.
var builtInNames = [...][]string{
	AttributeName:           {"name"},
	AttributeEmail:          {"email"},
	AttributeCountry:        {"country"},
	AttributeClassicName:    {"name", "Name"},
	AttributeClassicEmail:   {"email", "Email"},
	AttributeClassicCountry: {"country", "Country"},
}

// find returns the index of a custom attribute, or -1.
func (u *User) find(name string) int {
	if u.byName != nil {
		if i, ok := u.byName[name]; ok {
			return i
		}
		return -1
	}
	for i := range u.Custom {
		if u.Custom[i].Name == name {
			return i
		}
	}
	return -1
}

// ClassicBuiltIns returns the user's name, email and country as classic finds
// them.
func (u *User) ClassicBuiltIns() (name, email, country string) {
	return u.classic(0, u.Name), u.classic(1, u.Email), u.classic(2, u.Country)
}

func (u *User) classic(i int, field string) string {
	switch at := u.aliases[i]; at {
	case aliasNone:
		return field
	case aliasBlank:
		return ""
	default:
		return u.Custom[at-1].Value
	}
}

// Reserved reports whether classic reserves a name for a built-in attribute: no
// rule finds a custom attribute of that name there, and no event has it.
func Reserved(name string) bool {
	switch len(name) {
	case len("key"):
		return equalFold(name, "key")
	case len("name"):
		return equalFold(name, "name")
	case len("keyid"): // and "email"
		return equalFold(name, "keyid") || equalFold(name, "email")
	case len("country"):
		return equalFold(name, "country")
	}
	return false
}

// Blank reports whether s has only white space or is empty.
func Blank(s string) bool {
	if s != "" && ' ' < s[0] && s[0] < utf8.RuneSelf {
		return false // nearly always
	}
	return strings.TrimFunc(s, isSpace) == ""
}

// Attribute says where a user has an attribute.
type Attribute uint8

// The attributes. AttributeCustom stands for all attributes that are looked up
// by name, AttributeNone for names that no attribute can have.
const (
	AttributeCustom Attribute = iota
	AttributeNone
	AttributeKey
	AttributeName
	AttributeEmail
	AttributeCountry
	// The same as classic finds them, in either spelling.
	AttributeClassicName
	AttributeClassicEmail
	AttributeClassicCountry
)

// attributeRef is where a clause finds its attribute.
type attributeRef struct {
	kind Attribute
	name string // of a custom attribute
}

// attribute resolves the name that a clause uses.
func (sem *Semantics) attribute(property string) attributeRef {
	if kind := sem.BuiltIn(property); kind != AttributeCustom {
		return attributeRef{kind: kind}
	}
	if sem.ReservedNames && Reserved(property) {
		return attributeRef{kind: AttributeNone}
	}
	return attributeRef{name: property}
}

// lookup returns the attribute and whether the user has it.
func (u *User) lookup(ref *attributeRef) (string, bool) {
	value := ""
	switch ref.kind {
	case AttributeCustom:
		if u.byName != nil {
			i, ok := u.byName[ref.name]
			if ok {
				value = u.Custom[i].Value
			}
			return value, ok
		}
		for i := range u.Custom {
			if c := &u.Custom[i]; c.Name == ref.name {
				return c.Value, true
			}
		}
		return "", false
	case AttributeKey:
		value = u.Key
	case AttributeName:
		value = u.Name
	case AttributeEmail:
		value = u.Email
	case AttributeCountry:
		value = u.Country
	case AttributeClassicName:
		value = u.classic(0, u.Name)
	case AttributeClassicEmail:
		value = u.classic(1, u.Email)
	case AttributeClassicCountry:
		value = u.classic(2, u.Country)
	}
	return value, value != ""
}
