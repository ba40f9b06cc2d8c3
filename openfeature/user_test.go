package ffcopenfeature_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

type (
	plan  string
	flags bool
	count uint16
)

// TestAttributes: what rules, and the platform, see of an attribute.
func TestAttributes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		attribute string
		value     any
		want      string
	}{
		{"string", "a", "pro", "pro"},
		{"empty string", "a", "", ""},
		{"bool", "a", true, "true"},
		{"int", "a", -29, "-29"},
		{"int64", "a", int64(1) << 60, "1152921504606846976"},
		{"int8", "a", int8(-8), "-8"},
		{"uint64", "a", uint64(1) << 63, "9223372036854775808"},
		{"float", "a", 0.1, "0.1"},
		{"whole float", "a", 18.0, "18"},
		{"whole float32", "a", float32(18), "18"},
		{"whole float64 of a type", "a", time.Duration(18).Seconds() * 1e9, "18"},
		{"float32", "a", float32(0.5), "0.5"},
		{"json.Number", "a", json.Number("1.50"), "1.50"},
		{"time", "a", time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), "2026-01-02T02:04:05Z"},
		{"type of string", "a", plan("pro"), "pro"},
		{"type of bool", "a", flags(true), "true"},
		{"type of uint", "a", count(7), "7"},
		{"duration", "a", time.Second, "1000000000"},
		{"name", "name", "Ann", "Ann"},
		{"Email", "Email", "a@example.com", "a@example.com"},
		{"country of a type", "country", plan("FR"), "FR"},
		{"nil", "a", nil, ""},
		{"nil built-in", "email", nil, ""},
		{"reserved", "keyid", "x", ""},
	}
	server := platform(t, ffctest.Flag("f"))
	client := online(t, server, nil)
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	for _, test := range tests {
		ctx := of.FlattenedContext{of.TargetingKey: test.name, test.attribute: test.value}
		if got := provider.BooleanEvaluation(t.Context(), "f", false, ctx); got.Error() != nil || !got.Value {
			t.Errorf("%s: %v", test.name, got.Error())
		}
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]ffctest.Event{}
	for _, e := range server.Events() {
		seen[e.UserKey] = e
	}
	for _, test := range tests {
		e, ok := seen[test.name]
		got := e.Attributes[test.attribute]
		switch strings.ToLower(test.attribute) {
		case "name":
			got = e.UserName
		case "email":
			got = e.Email
		case "country":
			got = e.Country
		}
		if !ok || got != test.want {
			t.Errorf("%s: the platform got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestInvalidContext: the message names the attributes and their types, not what is
// in them. A flag that does not need them is evaluated.
func TestInvalidContext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		ctx  of.FlattenedContext
		want string
	}{
		{"list", of.FlattenedContext{"a": []string{"hush"}}, `"a" is a []string, expected a string, a boolean, a number or a time`},
		{"map", of.FlattenedContext{"a": map[string]any{"street": "hush"}}, `"a" is a map[string]interface {}`},
		{"struct", of.FlattenedContext{"a": struct{ A string }{"hush"}}, `"a" is a struct`},
		{"pointer", of.FlattenedContext{"a": new("hush")}, `"a" is a *string`},
		{"complex number", of.FlattenedContext{"a": 1i}, `"a" is a complex128`},
		{"several", of.FlattenedContext{"c": []int{}, "b": 1, "a": []int{}, "d": nil}, `"a" is a []int, expected a string, a boolean, a number or a time; "c" is a []int`},
		{"built-in", of.FlattenedContext{"email": 5}, `"email" is a int, expected a string`},
		{"targeting key", of.FlattenedContext{of.TargetingKey: 42}, `"targetingKey" is a int, expected a string`},
	}
	provider := ffcopenfeature.NewProvider(offline(t, ffctest.Flag("plain"),
		ffctest.Flag("f").Rule("true", ffctest.Attr("a").Contains("x")).Rule("true", ffctest.Attr("email").Contains("x"))), ffcopenfeature.Config{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			hasKey := test.ctx[of.TargetingKey] == nil
			if hasKey {
				test.ctx[of.TargetingKey] = "hush"
			}
			got := provider.BooleanEvaluation(t.Context(), "f", false, test.ctx)
			d := got.ResolutionDetail()
			if d.ErrorCode != of.InvalidContextCode || !strings.Contains(d.ErrorMessage, test.want) || strings.Contains(d.ErrorMessage, "nil") || strings.Contains(d.ErrorMessage, "hush") || got.Value {
				t.Errorf("got %v, %+v", got.Value, d)
			}
			if plain := provider.BooleanEvaluation(t.Context(), "plain", false, test.ctx); plain.Value != hasKey {
				t.Errorf("a flag without rules: got %+v", plain)
			}
		})
	}
}

// TestManyAttributes: more than there is room for on the stack.
func TestManyAttributes(t *testing.T) {
	t.Parallel()
	ctx := of.FlattenedContext{of.TargetingKey: "u"}
	flag := ffctest.Flag("f").Serve("false")
	clauses := make([]ffctest.Clause, 0, 40)
	for i := range 40 {
		name := "a" + string(rune('A'+i))
		ctx[name] = i
		clauses = append(clauses, ffctest.Attr(name).IsOneOf(strconv.Itoa(i)))
	}
	provider := ffcopenfeature.NewProvider(offline(t, flag.Rule("true", clauses...)), ffcopenfeature.Config{})
	if got := provider.BooleanEvaluation(t.Context(), "f", false, ctx); !got.Value {
		t.Errorf("got %+v", got)
	}
}
