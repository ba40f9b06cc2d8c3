package ffc

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// User is who a flag is evaluated for: a key and attributes that rules can
// refer to. It is immutable, cheap to copy and safe to share; build it once
// for a request and use it for every flag. The zero User has no key.
type User struct{ u *eval.User }

// Format implements fmt.Formatter without telling who the user is.
func (u User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ffc.User") }

// Key returns the key the user was made with; "" for an unusable user.
func (u User) Key() string {
	if u.u == nil {
		return ""
	}
	return u.u.Key
}

// NewUser returns a user. The key names the user to the platform: it decides
// percentage rollouts and is what targets and segments list. A key of nothing
// but white space gives a User for whom every flag answers the fallback, with
// ReasonUserNotSpecified.
//
// Of attributes with the same name the last counts.
func NewUser(key string, attrs ...Attr) User {
	if eval.Blank(key) {
		return User{}
	}
	// Most users have few custom attributes: those fit into one allocation.
	var u *eval.User
	if len(attrs) <= inlineAttributes {
		b := &inlineUser{}
		b.user.Custom = b.custom[:0]
		u = &b.user
	} else {
		u = &eval.User{Custom: make([]eval.CustomAttribute, 0, len(attrs))}
	}
	u.Key = key
	for i := range attrs {
		attrs[i].setOn(u)
	}
	return User{u}
}

const inlineAttributes = 6

type inlineUser struct {
	user   eval.User
	custom [inlineAttributes]eval.CustomAttribute
}

// Attr is an attribute of a user: see Name, Email, Country, String, Int,
// Float and Bool.
type Attr struct {
	name   string
	text   string
	number float64
	whole  int64
	kind   attrKind
}

// Format implements fmt.Formatter without telling the value.
func (a Attr) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "ffc.Attr(%s)", a.name) }

type attrKind uint8

const (
	attrString attrKind = iota
	attrInt
	attrFloat
)

// Name is the user's name.
func Name(v string) Attr { return Attr{name: "name", text: v} }

// Email is the user's e-mail address.
func Email(v string) Attr { return Attr{name: "email", text: v} }

// Country is the user's country, in whatever form the rules use.
func Country(v string) Attr { return Attr{name: "country", text: v} }

// String is a custom attribute. The names name, email and country, also
// capitalised, set the attribute of that meaning; key and keyid, and the names
// above in other capitals, are the platform's and are ignored.
func String(name, v string) Attr { return Attr{name: name, text: v} }

// Int is a custom attribute. Rules see it in decimal.
func Int(name string, v int64) Attr { return Attr{name: name, whole: v, kind: attrInt} }

// Float is a custom attribute. Rules see it with as many digits as it needs,
// and at least one decimal: 18.0, 0.1, 1e+16.
func Float(name string, v float64) Attr { return Attr{name: name, number: v, kind: attrFloat} }

// Bool is a custom attribute. Rules see true or false.
func Bool(name string, v bool) Attr {
	if v {
		return Attr{name: name, text: "true"}
	}
	return Attr{name: name, text: "false"}
}

// setOn stores the attribute on a user that is being built.
func (a *Attr) setOn(u *eval.User) {
	text := a.text
	switch a.kind {
	case attrInt:
		text = strconv.FormatInt(a.whole, 10)
	case attrFloat:
		text = floatText(a.number)
	}
	switch a.name {
	case "name", "Name":
		u.Name = unlessBlank(text)
	case "email", "Email":
		u.Email = unlessBlank(text)
	case "country", "Country":
		u.Country = unlessBlank(text)
	default:
		if !reserved(a.name) {
			u.Set(a.name, text)
		}
	}
}

func unlessBlank(s string) string {
	if eval.Blank(s) {
		return ""
	}
	return s
}

// reserved reports whether a name can be no custom attribute's: rules that use
// it, in its usual capitals, mean something else.
func reserved(name string) bool {
	if len(name) > len("country") {
		return false
	}
	switch strings.ToLower(name) {
	case "key", "keyid", "name", "email", "country":
		return true
	}
	return false
}

// floatText writes a number as the platform's reference does: in positional
// form with at least one decimal where that is short, else with an exponent.
func floatText(f float64) string {
	var buf [32]byte
	return string(appendFloatText(buf[:0], f))
}
