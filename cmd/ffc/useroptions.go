package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// userOptions holds the options that describe the user.
type userOptions struct {
	key   string
	attrs []ffc.Attr
	json  string
}

func (u *userOptions) define(o *cli.Options) {
	o.Text(&u.key, "user", "KEY", "the key of the user")
	o.Define("attr", "NAME=VALUE", "an attribute; may be repeated; name, email and country are built in", func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		switch {
		case !ok || name == "":
			return errors.New("invalid attribute: expected NAME=VALUE") // the text may be private
		case name == "key" || name == "keyid" || name == "keyId":
			return fmt.Errorf("%q is the key of the user: use -user", name)
		}
		u.attrs = append(u.attrs, ffc.String(name, value))
		return nil
	})
	o.Text(&u.json, "user-json", "JSON", `the whole user, such as {"key":"u1","country":"FR","age":1}; @FILE reads a file, @- standard input`)
}

// builtIn are the attributes that have a meaning on classic, in the only spelling
// that ffc.UserFromMap knows. On FeatBit other spellings are other attributes.
var builtIn = []string{"key", "keyid", "name", "email", "country"}

// user returns the user to evaluate.
func (u *userOptions) user(c *cli.Console, o *cli.Options) (ffc.User, error) {
	switch {
	case o.Given("user-json") && (o.Given("user") || o.Given("attr")):
		return ffc.User{}, o.Usage("-user-json excludes -user and -attr: it is the whole user")
	case o.Given("user-json"):
		return u.fromJSON(c, o)
	case !o.Given("user"):
		return ffc.User{}, o.Usage("missing user: use -user KEY or -user-json JSON")
	case strings.TrimSpace(u.key) == "":
		return ffc.User{}, o.Usage("-user: blank key: expected the key of a user")
	}
	return ffc.NewUser(u.key, u.attrs...), nil
}

func (u *userOptions) fromJSON(c *cli.Console, o *cli.Options) (ffc.User, error) {
	name, text := "-user-json", []byte(u.json)
	if path, ok := strings.CutPrefix(u.json, "@"); ok {
		var err error
		if text, err = readFile(c.Stdin, path); err != nil {
			return ffc.User{}, o.Usage("-user-json: %v", err)
		}
		name = sourceName(path)
	}
	if err := checkJSON(name, text); err != nil {
		return ffc.User{}, o.Usage("%v", err)
	}
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // numbers keep their spelling
	if err := decoder.Decode(&members); err != nil || members == nil {
		return ffc.User{}, o.Usage(`%s: invalid user: expected an object such as {"key":"u1","country":"FR"}`, name)
	}
	user, err := ffc.UserFromMap(members)
	if err != nil {
		return ffc.User{}, o.Usage("%s: %s", name, strings.TrimPrefix(err.Error(), "ffc: "))
	}
	for _, member := range slices.Sorted(maps.Keys(members)) {
		switch members[member].(type) {
		case bool, nil, []any, map[string]any:
			c.Warn("%s: skipped %q, which is neither a string nor a number", name, member)
		default:
			if lower := strings.ToLower(member); member != lower && slices.Contains(builtIn, lower) {
				c.Warn("%s: %q has no effect on featureflag.co: use %q there", name, member, lower)
			}
		}
	}
	return user, nil
}
