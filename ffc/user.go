package ffc

import (
	"fmt"
	"io"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// User is the user whom a flag is evaluated for: a key, and attributes that rules
// can use. It is immutable, cheap to copy and may be used concurrently. Create it
// once for a request and use it for all flags. The zero User has no key.
type User struct{ u *eval.User }

// Format implements fmt.Formatter. It prints neither the key nor attributes.
func (u User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ffc.User") }

// Key returns the user's key; "" for a user without a key.
func (u User) Key() string {
	if u.u == nil {
		return ""
	}
	return u.u.Key
}

// NewUser returns a user. The key identifies the user on the platform: it decides
// percentage rollouts, and targets and segments list it. If the key is empty or
// only white space, all evaluations for the User return the fallback with
// ReasonUserNotSpecified.
//
// If several attributes have the same name, the last one counts.
func NewUser(key string, attrs ...Attr) User {
	if eval.Blank(key) {
		return User{}
	}
	// Most users have few custom attributes, which fit into one allocation.
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
// Float, Bool and Invalid.
type Attr struct {
	name   string
	text   string
	number float64
	whole  int64
	kind   attrKind
}

// Format implements fmt.Formatter. It prints the name without the value. With %p,
// which go vet reports, fmt does not call it.
func (a Attr) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "ffc.Attr(%s)", a.name) }

type attrKind uint8

const (
	attrString attrKind = iota
	attrInt
	attrFloat
	attrInvalid
)

// Name is the user's name.
func Name(v string) Attr { return Attr{name: "name", text: v} }

// Email is the user's e-mail address.
func Email(v string) Attr { return Attr{name: "email", text: v} }

// Country is the user's country, in the form that the rules use.
func Country(v string) Attr { return Attr{name: "country", text: v} }

// String is an attribute of any name. Some names have a special meaning, which
// depends on the platform:
//
//   - On FeatBit names are exact. "name" is the user's name, and keyId is the key
//     and cannot be set. Every other name is a custom attribute of its own:
//     Email, Country and Key as well as email, country and key.
//   - On classic "name", "email" and "country", also as "Name", "Email" and
//     "Country", set the attribute of that meaning. "key" and "keyid" in any
//     case, and the three names in any other case, are reserved: no rule finds
//     such an attribute and no event has it.
func String(name, v string) Attr { return Attr{name: name, text: v} }

// Int is an attribute like String. Rules see a decimal number.
func Int(name string, v int64) Attr { return Attr{name: name, whole: v, kind: attrInt} }

// Float is an attribute like String. Up to 1e21 rules see a whole number as that of
// Int: 18 for 18.0 and 0 for -0. They see other numbers with as many digits as
// needed: 0.1, 1e-05, 1e+21.
func Float(name string, v float64) Attr { return Attr{name: name, number: v, kind: attrFloat} }

// Bool is an attribute like String. Rules see true or false.
func Bool(name string, v bool) Attr {
	if v {
		return Attr{name: name, text: "true"}
	}
	return Attr{name: name, text: "false"}
}

// Invalid is an attribute whose value the platform cannot hold, such as a list or an
// object. Evaluations that need the attribute return the fallback with
// ErrInvalidAttribute, because a rule would otherwise treat it as missing. All other
// evaluations ignore it, and no event has it. If the user also has an attribute of
// this name with a value, that one counts.
func Invalid(name string) Attr { return Attr{name: name, kind: attrInvalid} }

// setOn sets the attribute of a user that is being created.
func (a *Attr) setOn(u *eval.User) {
	text := a.text
	switch a.kind {
	case attrInt:
		text = strconv.FormatInt(a.whole, 10)
	case attrFloat:
		text = floatText(a.number)
	case attrInvalid:
		u.SetInvalid(a.name)
		return
	}
	u.Set(a.name, text)
}

// floatText returns a number as text. A whole number looks like an integer, because
// encoding/json decodes each number to a float64 while the platform's other SDKs
// keep an 18 as 18. From 1e21 on it has an exponent, as in JavaScript. Fractions
// have the format of the platform's reference SDK: without an exponent if that is
// short, and with one otherwise.
func floatText(f float64) string {
	var buf [32]byte
	return string(appendFloatText(buf[:0], f))
}
