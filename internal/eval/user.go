package eval

import (
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// User is who a flag is evaluated for. It does not change once it is built,
// so it can be shared by goroutines and kept by events.
type User struct {
	Key, Name, Email, Country string
	Custom                    []CustomAttribute

	// bucket remembers the place of Key in rollouts, as the bits of a
	// float64; 0 is not computed yet.
	bucket atomic.Uint64
}

// CustomAttribute is an attribute that the platform gives no meaning to.
type CustomAttribute struct {
	Name, Value string
}

// Valid reports whether there is a user to evaluate for.
func (u *User) Valid() bool { return u != nil && u.Key != "" }

// Set stores a custom attribute; the last of equal names wins. It is for
// building a user only.
func (u *User) Set(name, value string) {
	for i := range u.Custom {
		if u.Custom[i].Name == name {
			u.Custom[i].Value = value
			return
		}
	}
	u.Custom = append(u.Custom, CustomAttribute{name, value})
}

// Blank reports whether s has nothing but white space.
func Blank(s string) bool {
	if s != "" && ' ' < s[0] && s[0] < utf8.RuneSelf {
		return false // nearly always
	}
	return strings.TrimFunc(s, isSpace) == ""
}

// Attribute is a built-in attribute of a user.
type Attribute uint8

// The attributes. AttributeCustom stands for all that are looked up by name.
const (
	AttributeCustom Attribute = iota
	AttributeKey
	AttributeName
	AttributeEmail
	AttributeCountry
)

// attributeRef is where a clause finds its attribute.
type attributeRef struct {
	kind Attribute
	name string // of a custom attribute
}

// attribute resolves the name that a clause uses.
func (r *Rules) attribute(property string) attributeRef {
	if kind, ok := r.Attributes[property]; ok {
		return attributeRef{kind: kind}
	}
	return attributeRef{name: property}
}

// lookup returns the attribute and whether the user has it.
func (u *User) lookup(ref *attributeRef) (string, bool) {
	value := ""
	switch ref.kind {
	case AttributeKey:
		value = u.Key
	case AttributeName:
		value = u.Name
	case AttributeEmail:
		value = u.Email
	case AttributeCountry:
		value = u.Country
	default:
		for i := range u.Custom {
			if u.Custom[i].Name == ref.name {
				return u.Custom[i].Value, true
			}
		}
	}
	return value, value != ""
}
