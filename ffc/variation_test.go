package ffc_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
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

// TestValuesAreCountedByReason: also without events, and not by the reasons of
// prerequisites.
func TestValuesAreCountedByReason(t *testing.T) {
	t.Parallel()
	for name, events := range map[string]flush.Config{"events": {Interval: -1}, "disabled": {Disabled: true}, "once": {Interval: -1, Once: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := ffctest.Flag("gate")
			_, client := connected(t, func(c *ffc.Config) { c.Events = events }, gate,
				ffctest.Flag("off").Off(), ffctest.Flag("failed").Prerequisite(gate, "false"), ffctest.Flag("target").Target("true", "u").Prerequisite(gate, "true"),
				ffctest.Flag("rule").Rule("true", ffctest.Attr("plan").Equal("pro")))
			user := ffc.NewUser("u", ffc.String("plan", "pro"))
			for range 2 {
				for i, key := range []string{"off", "failed", "target", "rule", "gate"} {
					for range i + 1 {
						client.BoolVariation(t.Context(), key, user, false)
					}
				}
			}
			want := ffc.ValueReasons{FlagOff: 2, PrerequisiteFailed: 4, TargetMatch: 6, RuleMatch: 8, Fallthrough: 10}
			if s := client.Stats(); s.ValueReasons != want || s.Evaluations != 30 || s.Fallbacks != 0 {
				t.Errorf("counted %+v", s)
			}
		})
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
		Bootstrap: ffctest.Snapshot(ffctest.Flag("a").Name("Flag A").Version(1700000000000)),
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
	_ = client.Close(ctx)
	client.BoolVariation(ctx, "a", user, false)
	want := []ffc.Evaluation{
		{FlagKey: "a", FlagName: "Flag A", User: user, VariationID: "1", Value: "true", Reason: ffc.ReasonFallthrough, Static: true, DataVersion: 1700000000000},
		{FlagKey: "a", FlagName: "Flag A", User: user, Reason: ffc.ReasonWrongType, DataVersion: 1700000000000, Err: ffc.ErrWrongType},
		{FlagKey: "a", FlagName: "Flag A", User: user, VariationID: "1", Value: "true", Reason: ffc.ReasonFallthrough, Static: true, DataVersion: 1700000000000},
		{FlagKey: "a", User: user, Reason: ffc.ReasonClientNotReady, Err: ffc.ErrNotReady},
	}
	if len(got) == len(want) && errors.Is(got[1].Err, ffc.ErrWrongType) {
		got[1].Err = ffc.ErrWrongType // without what was expected
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

// TestInvalidAttributes: an evaluation fails only if it needs the attribute, and no
// event has the attribute.
func TestInvalidAttributes(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, g ffctest.Platform) {
		attr := ffctest.Attr
		server, client := connectedTo(t, g, nil,
			ffctest.Flag("unconditional"),
			ffctest.Flag("target").Target("true", "u").Rule("false", attr("tags").Contains("a")),
			ffctest.Flag("earlier").Rule("true", attr("plan").Equal("pro")).Rule("false", attr("tags").Contains("a")),
			ffctest.Flag("needed").Rule("true", attr("plan").Equal("free")).Rule("true", attr("tags").Contains("a")).Serve("false"),
			ffctest.Flag("negated").Rule("true", attr("tags").NotContains("a")).Serve("false"),
			ffctest.Flag("pattern").Rule("true", attr("tags").MatchRegex("^$")).Serve("false"),
			ffctest.Flag("name").Rule("true", attr("name").Equal("a")).Serve("false"),
			ffctest.Flag("segment").Rule("true", ffctest.InSegment("s")).Serve("false"),
			ffctest.Segment("s").Rule(attr("tags").Equal("a")))
		user := ffc.NewUser("u", ffc.Invalid("tags"), ffc.String("plan", "pro"), ffc.Invalid("name"), ffc.Invalid("email"), ffc.Email("a@example.com"))
		usable := map[string]bool{"unconditional": true, "target": true, "earlier": true}
		for _, key := range client.AllVariations(t.Context(), user).Keys() {
			d := client.BoolVariationDetail(t.Context(), key, user, false)
			x := client.Explain(key, user)
			if usable[key] {
				if !d.Value || d.Err != nil || x.Err != nil {
					t.Errorf("%s: got %v, %v; explained as %v", key, d.Value, d.Err, x.Err)
				}
				continue
			}
			if d.Reason != ffc.ReasonError || !errors.Is(d.Err, ffc.ErrInvalidAttribute) || !errors.Is(d.Err, ffc.ErrEvaluation) {
				t.Errorf("%s: got %v, %v", key, d.Reason, d.Err)
			}
			if !errors.Is(x.Err, ffc.ErrInvalidAttribute) || !strings.Contains(x.Err.Error(), "a type that the platform cannot hold") {
				t.Errorf("%s: explained as %v", key, x.Err)
			}
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		events := server.Events()
		for _, e := range events {
			if _, has := e.Attributes["tags"]; has || e.UserName != "" || e.Attributes["plan"] != "pro" {
				t.Errorf("the event has %v, name %q", e.Attributes, e.UserName)
			}
		}
		if len(events) != len(usable) {
			t.Errorf("%d events, expected %d", len(events), len(usable))
		}
	})
}

// TestInvalidBucketAttribute: percentages by an invalid attribute fail. A share for
// all users needs no bucket.
func TestInvalidBucketAttribute(t *testing.T) {
	t.Parallel()
	flag := func(key, rollout string) string {
		return `{"id":"` + key + `","key":"` + key + `","name":"","updatedAt":"2026-01-01T00:00:00Z","isEnabled":true,"variationType":"string","disabledVariationId":"a",
			"variations":[{"id":"a","value":"A"},{"id":"b","value":"B"}],"targetUsers":[],"rules":[],
			"fallthrough":{"dispatchKey":"team","includedInExpt":false,"variations":[` + rollout + `]}}`
	}
	data := `{"messageType":"data-sync","data":{"eventType":"full","segments":[],"featureFlags":[` +
		flag("split", `{"id":"a","rollout":[0,0.5],"exptRollout":1},{"id":"b","rollout":[0.5,1],"exptRollout":1}`) + "," +
		flag("whole", `{"id":"b","rollout":[0,1],"exptRollout":1}`) + `]}}`
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Platform: ffc.PlatformFeatBit, Bootstrap: []byte(data), Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	invalid, valid := ffc.NewUser("u", ffc.Invalid("team")), ffc.NewUser("u", ffc.String("team", "x"))
	if d := client.VariationDetail(t.Context(), "split", invalid, "-"); !errors.Is(d.Err, ffc.ErrInvalidAttribute) {
		t.Errorf("got %+v", d)
	}
	if x := client.Explain("split", invalid); !errors.Is(x.Err, ffc.ErrInvalidAttribute) {
		t.Errorf("explained as %v", x.Err)
	}
	if d := client.VariationDetail(t.Context(), "split", valid, "-"); d.Err != nil || !d.Split || d.Static {
		t.Errorf("got %+v", d)
	}
	if d := client.VariationDetail(t.Context(), "whole", invalid, "-"); d.Value != "B" || d.Split || !d.Static {
		t.Errorf("got %+v", d)
	}
}

// TestStaticAndSplit: Static is what every user gets, Split what percentages decide.
func TestStaticAndSplit(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, g ffctest.Platform) {
		_, client := connectedTo(t, g, nil,
			ffctest.Flag("static"),
			ffctest.Flag("off").Off(),
			ffctest.Flag("target").Target("true", "u"),
			ffctest.Flag("rule").Rule("true", ffctest.Attr("plan").Equal("pro")),
			ffctest.Flag("no rule").Rule("true", ffctest.Attr("plan").Equal("free")),
			ffctest.Flag("whole").Rollout(100, 0),
			ffctest.Flag("split").Rollout(50, 50),
			ffctest.Flag("split rule").RuleRollout([]float64{50, 50}, ffctest.Attr("plan").Equal("pro")))
		user := ffc.NewUser("u", ffc.String("plan", "pro"))
		static, split := map[string]bool{"static": true, "whole": true}, map[string]bool{"split": true, "split rule": true}
		for _, key := range client.AllVariations(t.Context(), user).Keys() {
			d := client.VariationDetail(t.Context(), key, user, "")
			if d.Err != nil || d.Static != static[key] || d.Split != split[key] {
				t.Errorf("%s: static %v, split %v (%v)", key, d.Static, d.Split, d.Err)
			}
		}
		if d := client.VariationDetail(t.Context(), "missing", user, ""); d.Static || d.Split {
			t.Errorf("a missing flag: %+v", d)
		}
	})
}

// TestParseDetail: a value that does not parse is of the wrong type and makes no
// event; a fallback in Config.Fallbacks is parsed as well.
func TestParseDetail(t *testing.T) {
	t.Parallel()
	server, client := connectedTo(t, ffctest.Classic, func(c *ffc.Config) {
		c.Fallbacks = map[string]string{"configured": "5s", "unusable": "soon", "text": "6s"}
	}, valueFlag("good", "750ms"), valueFlag("bad", "soon"), valueFlag("text", "later"))
	user := ffc.NewUser("u")
	tests := []struct {
		key    string
		want   time.Duration
		reason ffc.Reason
		err    error
	}{
		{"good", 750 * time.Millisecond, ffc.ReasonFallthrough, nil},
		{"bad", time.Minute, ffc.ReasonWrongType, ffc.ErrWrongType},
		{"text", 6 * time.Second, ffc.ReasonWrongType, ffc.ErrWrongType},
		{"missing", time.Minute, ffc.ReasonFlagNotFound, ffc.ErrFlagNotFound},
		{"configured", 5 * time.Second, ffc.ReasonFlagNotFound, ffc.ErrFlagNotFound},
		{"unusable", time.Minute, ffc.ReasonFlagNotFound, ffc.ErrFlagNotFound},
	}
	for _, test := range tests {
		d := ffc.ParseDetail(t.Context(), client.For(user), test.key, time.Minute, time.ParseDuration)
		if d.Value != test.want || d.Reason != test.reason || !errors.Is(d.Err, test.err) || (d.Err == nil) != (test.err == nil) {
			t.Errorf("%s: got %+v", test.key, d)
		}
		if parseError := test.err == ffc.ErrWrongType; parseError != (d.Err != nil && strings.Contains(d.Err.Error(), "invalid duration")) {
			t.Errorf("%s: the error is %v", test.key, d.Err)
		}
	}
	if d := ffc.ParseDetail(t.Context(), ffc.Flags{}, "good", time.Minute, time.ParseDuration); d.Value != time.Minute || !errors.Is(d.Err, ffc.ErrNotReady) {
		t.Errorf("of zero Flags: %+v", d)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if events := server.Events(); len(events) != 1 || events[0].FlagKey != "good" {
		t.Errorf("got events %+v", events)
	}
}
