package ffc_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// valueFlag is a flag that gives everyone one value.
func valueFlag(key, value string) *ffctest.FlagBuilder {
	return ffctest.Flag(key).Variations(value, "other value")
}

func TestTypedVariations(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"true": "true", "on": "ON", "off": "off", "one": "1", "int": "42", "float": "2.75", "negative": "-2.75",
		"big": "9007199254740993", "huge": "1e30", "infinite": "inf", "text": "hello", "empty": "",
	}
	var items []ffctest.Item
	for key, value := range values {
		items = append(items, valueFlag(key, value))
	}
	client := offline(t, items...)
	user := ffc.NewUser("u")
	ctx := t.Context()

	bools := map[string]any{"true": true, "on": true, "one": true, "off": false, "int": nil, "text": nil, "empty": nil}
	for key, want := range bools {
		d := client.BoolVariationDetail(ctx, key, user, true)
		checkTyped(t, key, d.Value, want, true, d.Reason, d.Err)
		if got := client.BoolVariation(ctx, key, user, true); got != d.Value {
			t.Errorf("%s: BoolVariation is %v, its detail %v", key, got, d.Value)
		}
	}
	var big any // nothing where an int has 32 bits
	if n, err := strconv.Atoi(values["big"]); err == nil {
		big = n
	}
	ints := map[string]any{"one": 1, "int": 42, "float": 2, "negative": -2, "big": big, "huge": nil, "infinite": nil, "text": nil, "true": nil, "empty": nil}
	for key, want := range ints {
		d := client.IntVariationDetail(ctx, key, user, -7)
		checkTyped(t, key, d.Value, want, -7, d.Reason, d.Err)
		if got := client.IntVariation(ctx, key, user, -7); got != d.Value {
			t.Errorf("%s: IntVariation is %v, its detail %v", key, got, d.Value)
		}
	}
	floats := map[string]any{"int": 42.0, "float": 2.75, "huge": 1e30, "infinite": nil, "text": nil}
	for key, want := range floats {
		d := client.FloatVariationDetail(ctx, key, user, math.Pi)
		checkTyped(t, key, d.Value, want, math.Pi, d.Reason, d.Err)
		if got := client.FloatVariation(ctx, key, user, math.Pi); got != d.Value {
			t.Errorf("%s: FloatVariation is %v, its detail %v", key, got, d.Value)
		}
	}
	for key, want := range values {
		if got := client.Variation(ctx, key, user, "fallback"); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
		if got, want := client.IsEnabled(ctx, key, user), key == "true" || key == "on" || key == "one"; got != want {
			t.Errorf("IsEnabled(%s): got %v", key, got)
		}
	}
}

func checkTyped(t *testing.T, key string, got, want, fallback any, reason ffc.Reason, err error) {
	t.Helper()
	wantReason, wantErr := ffc.ReasonFallthrough, error(nil)
	if want == nil {
		want, wantReason, wantErr = fallback, ffc.ReasonWrongType, ffc.ErrWrongType
	}
	if got != want || reason != wantReason || !errors.Is(err, wantErr) {
		t.Errorf("%s as %T: got %v, %q, %v; want %v, %q, %v", key, fallback, got, reason, err, want, wantReason, wantErr)
	}
}

func TestJSONVariation(t *testing.T) {
	t.Parallel()
	client := offline(t, valueFlag("object", `{"size":3}`), valueFlag("list", `[1,2]`), valueFlag("broken", `{"size":`),
		valueFlag("half", `{"color":"red","size":"three"}`))
	type settings struct {
		Size  int
		Color string
	}
	user := ffc.NewUser("u")
	tests := []struct {
		key  string
		want settings
		err  error
	}{
		{"object", settings{Size: 3, Color: "blue"}, nil}, // what the value does not have stays
		{"list", settings{Size: 1, Color: "blue"}, ffc.ErrWrongType},
		{"broken", settings{Size: 1, Color: "blue"}, ffc.ErrWrongType},
		{"half", settings{Size: 1, Color: "blue"}, ffc.ErrWrongType}, // nothing of it is taken
		{"missing", settings{Size: 1, Color: "blue"}, ffc.ErrFlagNotFound},
	}
	for _, test := range tests {
		got := settings{Size: 1, Color: "blue"}
		err := client.JSONVariation(t.Context(), test.key, user, &got)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", test.key, got, err, test.want, test.err)
		}
		if err != nil && !strings.Contains(err.Error(), test.key) {
			t.Errorf("the error does not name the flag: %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("the error has more than one line: %q", err)
		}
	}
	held := &settings{Size: 1, Color: "blue"}
	var into any = held // decoded into what it holds
	for key, want := range map[string]settings{"half": {1, "blue"}, "object": {3, "blue"}} {
		if err := client.JSONVariation(t.Context(), key, user, &into); *held != want || (err == nil) != (key == "object") {
			t.Errorf("%s into an interface: got %+v, %v; want %+v", key, held, err, want)
		}
		*held = settings{Size: 1, Color: "blue"}
	}
	into = 7 // replaced
	if err := client.JSONVariation(t.Context(), "list", user, &into); err != nil || !reflect.DeepEqual(into, []any{1.0, 2.0}) {
		t.Errorf("list into an interface: got %v, %v", into, err)
	}
	for _, into := range []any{nil, settings{}, (*settings)(nil)} {
		if err := client.JSONVariation(t.Context(), "object", user, into); err == nil {
			t.Errorf("into a %T: no error", into)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	gate := ffctest.Flag("gate").Target("false", "locked")
	client := offline(t, gate,
		ffctest.Flag("off").Off(),
		ffctest.Flag("gated").Prerequisite(gate, "true"),
		ffctest.Flag("full").Target("true", "target").Rule("true", ffctest.Attr("plan").Equal("pro")).Serve("false"))
	tests := []struct {
		name, key string
		user      ffc.User
		want      ffc.Reason
		value     bool
		err       error
	}{
		{"off", "off", ffc.NewUser("u"), ffc.ReasonFlagOff, false, nil},
		{"prerequisite", "gated", ffc.NewUser("locked"), ffc.ReasonPrerequisiteFailed, false, nil},
		{"prerequisite passed", "gated", ffc.NewUser("u"), ffc.ReasonFallthrough, true, nil},
		{"target", "full", ffc.NewUser("target"), ffc.ReasonTargetMatch, true, nil},
		{"rule", "full", ffc.NewUser("u", ffc.String("plan", "pro")), ffc.ReasonRuleMatch, true, nil},
		{"fallthrough", "full", ffc.NewUser("u"), ffc.ReasonFallthrough, false, nil},
		{"unknown flag", "nope", ffc.NewUser("u"), ffc.ReasonFlagNotFound, true, ffc.ErrFlagNotFound},
		{"empty key", "", ffc.NewUser("u"), ffc.ReasonFlagNotFound, true, ffc.ErrFlagNotFound},
		{"no user", "full", ffc.User{}, ffc.ReasonUserNotSpecified, true, ffc.ErrUserNotSpecified},
		{"blank user", "full", ffc.NewUser(" \t"), ffc.ReasonUserNotSpecified, true, ffc.ErrUserNotSpecified},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := client.BoolVariationDetail(t.Context(), test.key, test.user, true)
			if d.Reason != test.want || d.Value != test.value || d.Err != test.err || d.FlagKey != test.key || (d.VariationID == "") != (test.err != nil) {
				t.Errorf("got %+v, want %v, %q, %v", d, test.value, test.want, test.err)
			}
		})
	}
	if known := client.FlagKnown("off"); !known {
		t.Error("FlagKnown does not know a flag")
	}
	if known := client.FlagKnown("nope"); known {
		t.Error("FlagKnown knows a flag that does not exist")
	}
}

func TestFallbacks(t *testing.T) {
	t.Parallel()
	client, err := ffc.New(t.Context(), ffc.Config{
		Offline:   true,
		Bootstrap: ffctest.Snapshot(valueFlag("known", "flag")),
		Fallbacks: map[string]string{"known": "configured", "text": "configured", "on": "yes", "n": "3", "json": `{"a":1}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	ctx, user := t.Context(), ffc.NewUser("u")
	if got := client.Variation(ctx, "known", user, "call"); got != "flag" {
		t.Errorf("a flag's value: got %q", got)
	}
	if got := client.Variation(ctx, "known", ffc.User{}, "call"); got != "configured" {
		t.Errorf("without user: got %q", got)
	}
	if d := client.VariationDetail(ctx, "text", user, "call"); d.Value != "configured" || d.VariationID != "" || d.Err != ffc.ErrFlagNotFound {
		t.Errorf("unknown flag: got %+v", d)
	}
	if !client.BoolVariation(ctx, "on", user, false) || !client.IsEnabled(ctx, "on", user) {
		t.Error("a fallback is not read as a bool")
	}
	if got := client.IntVariation(ctx, "n", user, 9); got != 3 {
		t.Errorf("a fallback read as an int: got %d", got)
	}
	if got := client.IntVariation(ctx, "text", user, 9); got != 9 {
		t.Errorf("a fallback of another type: got %d", got)
	}
	var into struct{ A int }
	if err := client.JSONVariation(ctx, "json", user, &into); err != nil || into.A != 1 {
		t.Errorf("a fallback read as JSON: got %+v, %v", into, err)
	}
	if err := client.JSONVariation(ctx, "text", user, &into); !errors.Is(err, ffc.ErrFlagNotFound) || into.A != 1 {
		t.Errorf("a fallback that is not JSON: got %+v, %v", into, err)
	}
	if got, ok := client.AllVariations(ctx, user).Get("known"); !ok || got.Value != "flag" {
		t.Errorf("all flags: got %+v", got)
	}
}

// TestFallbacksAreCountedByReason: an evaluation without a value is counted, and
// makes no event.
func TestFallbacksAreCountedByReason(t *testing.T) {
	t.Parallel()
	ctx, user := t.Context(), ffc.NewUser("u")
	_, client := connected(t, func(c *ffc.Config) { c.Events.Interval = -1 }, ffctest.Flag("text").Variations("red", "blue"),
		ffctest.Flag("circle").Prerequisite(ffctest.Flag("back"), "true"), ffctest.Flag("back").Prerequisite(ffctest.Flag("circle"), "true"))
	client.IntVariation(ctx, "text", user, 0)
	client.BoolVariation(ctx, "circle", user, false)
	client.BoolVariation(ctx, "missing", user, false)
	client.Variation(ctx, "text", ffc.User{}, "")
	stats := client.Stats()
	if want := (ffc.FallbackReasons{FlagNotFound: 1, UserNotSpecified: 1, WrongType: 1, Error: 1}); stats.Fallbacks != 4 || stats.FallbackReasons != want {
		t.Errorf("counted %d fallbacks, %+v, expected %+v", stats.Fallbacks, stats.FallbackReasons, want)
	}
	if stats.Events.Recorded != 0 {
		t.Errorf("fallbacks made %d events", stats.Events.Recorded)
	}
}

func TestForPinsDataAndUser(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testForPinsDataAndUser)
}

func testForPinsDataAndUser(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, nil, ffctest.Flag("a").Variations("1", "2").Serve("1"))
	flags := client.For(ffc.NewUser("u"))
	if got := flags.Int(t.Context(), "a", 0); got != 1 {
		t.Fatalf("got %d", got)
	}
	changed := make(chan struct{})
	defer client.OnChange(func([]string) { close(changed) })()
	server.Put(ffctest.Flag("a").Variations("1", "2").Serve("2"))
	<-changed
	if got := flags.Int(t.Context(), "a", 0); got != 1 {
		t.Errorf("pinned flags: got %d after a change", got)
	}
	if got := client.For(ffc.NewUser("u")).Int(t.Context(), "a", 0); got != 2 {
		t.Errorf("new flags: got %d after a change", got)
	}
}

// TestFlagsMirrorsClient: every getter of one has its counterpart in the other.
func TestFlagsMirrorsClient(t *testing.T) {
	t.Parallel()
	flags, client := reflect.TypeFor[ffc.Flags](), reflect.TypeFor[*ffc.Client]()
	for clientName, flagsName := range map[string]string{
		"Variation": "String", "VariationDetail": "StringDetail", "BoolVariation": "Bool", "BoolVariationDetail": "BoolDetail",
		"IntVariation": "Int", "IntVariationDetail": "IntDetail", "FloatVariation": "Float", "FloatVariationDetail": "FloatDetail",
		"JSONVariation": "JSON", "IsEnabled": "IsEnabled",
	} {
		c, okClient := client.MethodByName(clientName)
		f, okFlags := flags.MethodByName(flagsName)
		if !okClient || !okFlags || c.Type.NumIn() != f.Type.NumIn()+1 || c.Type.NumOut() != f.Type.NumOut() || c.Type.Out(0) != f.Type.Out(0) {
			t.Errorf("Client.%s and Flags.%s do not go together", clientName, flagsName)
		}
	}
}

func TestAllVariations(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testAllVariations)
}

func testAllVariations(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, nil,
		ffctest.Flag("b").Variations("x", "y").Target("y", "u"),
		ffctest.Flag("a").Off(),
		ffctest.Flag("c"))
	server.Archive("c")
	waitFor(t, client, func() bool { return !client.FlagKnown("c") })

	all := client.AllVariations(t.Context(), ffc.NewUser("u"))
	if keys := all.Keys(); !reflect.DeepEqual(keys, []string{"a", "b"}) || !all.Success || all.Message != "OK" {
		t.Fatalf("got %v, %v, %q", keys, all.Success, all.Message)
	}
	all.Keys()[0] = "changed by the caller"
	if all.Keys()[0] != "a" {
		t.Error("Keys can be changed by the caller")
	}
	if stats := client.Stats(); stats.Events.Recorded != 0 {
		t.Errorf("AllVariations recorded %d events", stats.Events.Recorded)
	}
	for range 2 {
		if d, ok := all.Get("b"); !ok || d.Value != "y" || d.Reason != ffc.ReasonTargetMatch {
			t.Errorf("Get: %+v, %v", d, ok)
		}
	}
	if _, ok := all.Get("c"); ok {
		t.Error("Get knows an archived flag")
	}
	if stats := client.Stats(); stats.Events.Recorded != 2 {
		t.Errorf("two calls of Get recorded %d events", stats.Events.Recorded)
	}
	if all := client.AllVariations(t.Context(), ffc.User{}); all.Success || all.Message != string(ffc.ReasonUserNotSpecified) || len(all.Keys()) != 0 {
		t.Errorf("without user: %+v", all)
	}
	client.Close(t.Context())
	if all := client.AllVariations(t.Context(), ffc.NewUser("u")); all.Success || all.Message != string(ffc.ReasonClientNotReady) {
		t.Errorf("after Close: %+v", all)
	}
}

type contextKey struct{}

func TestOnEvaluation(t *testing.T) {
	t.Parallel()
	var got []ffc.Evaluation
	var contexts []any
	client, err := ffc.New(t.Context(), ffc.Config{
		Offline:   true,
		Bootstrap: ffctest.Snapshot(ffctest.Flag("a").Name("Flag A")),
		OnEvaluation: func(ctx context.Context, e ffc.Evaluation) {
			got = append(got, e)
			contexts = append(contexts, ctx.Value(contextKey{}))
			panic("the application's mistake")
		},
		Logger: testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	ctx, user := context.WithValue(t.Context(), contextKey{}, "request 1"), ffc.NewUser("u")
	if !client.BoolVariation(ctx, "a", user, false) {
		t.Error("the panic of the hook changed the value")
	}
	client.IntVariation(ctx, "a", user, 5)
	client.AllVariations(ctx, user).Get("a")
	want := []ffc.Evaluation{
		{FlagKey: "a", FlagName: "Flag A", User: user, VariationID: "1", Value: "true", Reason: ffc.ReasonFallthrough},
		{FlagKey: "a", FlagName: "Flag A", User: user, Reason: ffc.ReasonWrongType, Err: ffc.ErrWrongType},
		{FlagKey: "a", FlagName: "Flag A", User: user, VariationID: "1", Value: "true", Reason: ffc.ReasonFallthrough},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for _, value := range contexts {
		if value != "request 1" {
			t.Errorf("the hook did not get the caller's context")
		}
	}
}
