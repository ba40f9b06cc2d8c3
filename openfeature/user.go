package ffcopenfeature

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// userOf returns the user of an evaluation context. It returns the user without a key
// if the targeting key is missing or an attribute has a wrong type. misuse is the
// error of the wrong type; it has the attribute's name, never its value.
func userOf(flatCtx of.FlattenedContext) (user ffc.User, misuse string) {
	key, isText := flatCtx[of.TargetingKey].(string)
	if !isText && flatCtx[of.TargetingKey] != nil {
		return ffc.User{}, wrongAttribute(of.TargetingKey, flatCtx[of.TargetingKey], "a string")
	}
	var room [12]ffc.Attr // on the stack
	attrs := room[:0]
	wrong := "" // the first by name, because the order of maps is random
	for name, value := range flatCtx {
		if name == of.TargetingKey || value == nil {
			continue
		}
		attr, ok := attribute(name, value)
		if !ok && (wrong == "" || name < wrong) {
			wrong = name
		}
		attrs = append(attrs, attr)
	}
	switch {
	case wrong == "":
		return ffc.NewUser(key, attrs...), ""
	case builtIn(wrong):
		return ffc.User{}, wrongAttribute(wrong, flatCtx[wrong], "a string")
	}
	return ffc.User{}, wrongAttribute(wrong, flatCtx[wrong], "a string, a boolean, a number or a time")
}

func wrongAttribute(name string, value any, expected string) string {
	return fmt.Sprintf("ffc: evaluation context: %q is a %T, expected %s", name, value, expected)
}

// builtIn reports whether an attribute is one that ffc.User has a field for.
func builtIn(name string) bool {
	switch name {
	case "name", "email", "country":
		return true
	}
	return false
}

func attribute(name string, value any) (attr ffc.Attr, ok bool) {
	if text, ok := value.(string); ok {
		return ffc.String(name, text), true
	}
	if builtIn(name) {
		v := reflect.ValueOf(value)
		return ffc.String(name, v.String()), v.Kind() == reflect.String
	}
	switch v := value.(type) {
	case bool:
		return ffc.Bool(name, v), true
	case int:
		return ffc.Int(name, int64(v)), true
	case int64:
		return ffc.Int(name, v), true
	case float64:
		return ffc.Float(name, v), true
	case json.Number:
		return ffc.String(name, v.String()), true
	case time.Time:
		return ffc.String(name, v.UTC().Format(time.RFC3339Nano)), true
	}
	return attributeOfKind(name, reflect.ValueOf(value))
}

// attributeOfKind converts less common types, and types that applications define from
// common ones.
func attributeOfKind(name string, v reflect.Value) (attr ffc.Attr, ok bool) {
	switch {
	case v.Kind() == reflect.String:
		return ffc.String(name, v.String()), true
	case v.Kind() == reflect.Bool:
		return ffc.Bool(name, v.Bool()), true
	case v.CanInt():
		return ffc.Int(name, v.Int()), true
	case v.CanUint():
		return ffc.String(name, strconv.FormatUint(v.Uint(), 10)), true
	case v.CanFloat():
		return ffc.Float(name, v.Float()), true
	}
	return ffc.Attr{}, false
}
