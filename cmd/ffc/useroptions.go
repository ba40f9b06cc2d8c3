package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// userOptions are the options that say who the user is.
type userOptions struct {
	key     string
	attrs   []ffc.Attr
	json    string
	problem string // with an attribute; what package flag says would quote its value
}

func (u *userOptions) define(o options) {
	o.StringVar(&u.key, "user", "", "")
	o.StringVar(&u.json, "user-json", "", "")
	o.Func("attr", "", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			u.problem = "expected NAME=VALUE"
		} else if problem := attributeProblem(name); problem != "" {
			u.problem = problem
		}
		u.attrs = append(u.attrs, ffc.String(name, value))
		return nil
	})
}

// builtIn are the attributes that have a meaning on classic, in the only spelling
// that ffc.UserFromMap knows. On FeatBit other spellings are attributes of their
// own.
var builtIn = []string{"key", "keyid", "name", "email", "country"}

// attributeProblem says why an attribute cannot be meant as one.
func attributeProblem(name string) string {
	switch name {
	case "key", "keyid", "keyId":
		return "the key is what -user is for"
	}
	return ""
}

// user returns the user that is asked about.
func (u *userOptions) user(c *console, o options) (ffc.User, error) {
	switch {
	case u.problem != "":
		return ffc.User{}, o.usage("-attr: %s", u.problem)
	case o.given("user-json") && (o.given("user") || o.given("attr")):
		return ffc.User{}, o.usage("-user-json is the whole user: expected neither -user nor -attr with it")
	case o.given("user-json"):
		return u.fromJSON(c, o)
	case !o.given("user"):
		return ffc.User{}, o.usage("for which user? Give -user KEY, or -user-json")
	case strings.TrimSpace(u.key) == "":
		return ffc.User{}, o.usage("-user is blank: expected the key of a user")
	}
	return ffc.NewUser(u.key, u.attrs...), nil
}

func (u *userOptions) fromJSON(c *console, o options) (ffc.User, error) {
	name, text := "-user-json", []byte(u.json)
	if path, ok := strings.CutPrefix(u.json, "@"); ok {
		var err error
		if text, err = readFile(c.stdin, path); err != nil {
			return ffc.User{}, o.usage("-user-json: %v", err)
		}
		name = sourceName(path)
	}
	if err := checkJSON(name, text); err != nil {
		return ffc.User{}, o.usage("%v", err)
	}
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // numbers keep their spelling
	if err := decoder.Decode(&members); err != nil || members == nil {
		return ffc.User{}, o.usage(`%s is not a user: expected an object such as {"key":"u1","country":"FR"}`, name)
	}
	user, err := ffc.UserFromMap(members)
	if err != nil {
		return ffc.User{}, o.usage("%s: %s", name, strings.TrimPrefix(err.Error(), "ffc: "))
	}
	for _, member := range slices.Sorted(maps.Keys(members)) {
		switch members[member].(type) {
		case bool, nil, []any, map[string]any:
			c.warn("%s: %q is passed over, as it is no string and no number", name, member)
		default:
			if lower := strings.ToLower(member); member != lower && slices.Contains(builtIn, lower) {
				c.warn("%s: %q counts on FeatBit only: expected %q for featureflag.co", name, member, lower)
			}
		}
	}
	return user, nil
}
