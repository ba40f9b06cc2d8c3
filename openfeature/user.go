package ffcopenfeature

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// userOf returns the user of an evaluation context: without a key if the targeting
// key is missing or no string, and with an invalid attribute for each whose type the
// platform cannot hold. misuse describes both.
func userOf(flatCtx of.FlattenedContext) ffc.User {
	key, _ := flatCtx[of.TargetingKey].(string)
	var room [12]ffc.Attr // on the stack
	attrs := room[:0]
	for name, value := range flatCtx {
		if name == of.TargetingKey || value == nil {
			continue
		}
		attr, ok := attribute(name, value)
		if !ok {
			attr = ffc.Invalid(name)
		}
		attrs = append(attrs, attr)
	}
	return ffc.NewUser(key, attrs...)
}

// misuse says which attributes of an evaluation context have a type that the platform
// cannot hold, by name, and what is expected. It never has a value.
func misuse(flatCtx of.FlattenedContext) string {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(flatCtx)) {
		value := flatCtx[name]
		if _, ok := attribute(name, value); ok || value == nil || name == of.TargetingKey {
			continue
		}
		expected := "a string, a boolean, a number or a time"
		if builtIn(name) {
			expected = "a string"
		}
		wrong = append(wrong, wrongAttribute(name, value, expected))
	}
	return "ffc: the flag needs an attribute of a wrong type in the evaluation context: " + strings.Join(wrong, "; ")
}

// wrongTargetingKey describes a targeting key that is not a string; it is "" without
// one.
func wrongTargetingKey(flatCtx of.FlattenedContext) string {
	key := flatCtx[of.TargetingKey]
	if _, ok := key.(string); ok || key == nil {
		return ""
	}
	return "ffc: evaluation context: " + wrongAttribute(of.TargetingKey, key, "a string")
}

func wrongAttribute(name string, value any, expected string) string {
	return fmt.Sprintf("%q is a %T, expected %s", name, value, expected)
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
