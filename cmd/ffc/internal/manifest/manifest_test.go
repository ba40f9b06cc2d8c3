package manifest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// environmentOf returns what a client has of a snapshot.
func environmentOf(ctx context.Context, snapshot []byte) (*platform.Whole, error) {
	client, err := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: snapshot, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer client.Close(ctx)
	var environment platform.Whole
	return &environment, client.WriteSnapshot(&environment)
}

// build describes a snapshot and returns the warnings, which it expects to be as many
// as there are texts in them.
func build(t testing.TB, snapshot []byte, cfg Config, warnings ...string) *Manifest {
	t.Helper()
	environment, err := environmentOf(t.Context(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	var warned []string
	m := Build(environment, cfg, func(format string, args ...any) { warned = append(warned, fmt.Sprintf(format, args...)) })
	if len(warned) != len(warnings) {
		t.Errorf("warned %q, expected %q", warned, warnings)
	}
	for i := range min(len(warned), len(warnings)) {
		if !strings.Contains(warned[i], warnings[i]) {
			t.Errorf("warned %q, expected %q", warned[i], warnings[i])
		}
	}
	return m
}

// is compares a flag with a type and a default.
func (f Flag) is(t testing.TB, name string, want Type, value string) {
	t.Helper()
	if f.Type != want || string(f.Default) != value {
		t.Errorf("%s: got a %s, default %s; want a %s, default %s", name, f.Type, f.Default, want, value)
	}
}

// TestTypes: the type is the narrowest that all values have. Texts that only look like
// numbers to some readers stay texts.
func TestTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		values []string // the last is the off variation
		want   Type
		def    string
	}{
		{[]string{"true", "false"}, Boolean, "false"},
		{[]string{"1", "0"}, Integer, "0"},
		{[]string{"10", "-20"}, Integer, "-20"},
		{[]string{"1", "1.5"}, Float, "1.5"},
		{[]string{"10", "2.5", "0"}, Float, "0"}, // no user gets the second at present
		{[]string{"true", "maybe", "false"}, String, `"false"`},
		{[]string{"1", "1.0"}, Float, "1.0"},
		{[]string{"1", "1e3"}, Float, "1e3"},
		{[]string{"1.5", "9007199254740993"}, Float, "9007199254740993"},
		{[]string{"1", "9223372036854775808"}, Float, "9223372036854775808"},
		{[]string{"007", "008"}, String, `"008"`},
		{[]string{"1", "+5"}, String, `"+5"`},
		{[]string{"1.5", ".5"}, String, `".5"`},
		{[]string{"1.5", "1_000"}, String, `"1_000"`},
		{[]string{"1.5", "NaN"}, String, `"NaN"`},
		{[]string{"1.5", " 1"}, String, `" 1"`},
		{[]string{"1", "1e999"}, String, `"1e999"`},
		{[]string{"1", "none"}, String, `"none"`},
		{[]string{"true", "maybe"}, String, `"maybe"`},
		{[]string{"true", ""}, String, `""`},
		{[]string{`{"a": [1, 2]}`, ` {} `}, Object, "{}"},
		{[]string{`{}`, `[1, {"b": "<&>"}]`}, Object, `[1,{"b":"<&>"}]`},
		{[]string{`{}`, `{`}, String, `"{"`},
		{[]string{`{}`, `1`}, String, `"1"`},
		{[]string{`"a"`, `"b"`}, String, `"\"b\""`},
		{[]string{"a<b", "b>c"}, String, `"b>c"`},
	}
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		for _, test := range tests {
			name := strings.Join(test.values, " ")
			snapshot := p.Snapshot(ffctest.Flag("f").Variations(test.values...))
			build(t, snapshot, Config{}).Flags["f"].is(t, name, test.want, test.def)
			build(t, snapshot, Config{Zero: true}).Flags["f"].is(t, name, test.want, string(zero[test.want]))
		}
	})
}

// TestTypesOfPlatforms: words that only classic reads as booleans, and what FeatBit has
// declared, as far as the values agree.
func TestTypesOfPlatforms(t *testing.T) {
	t.Parallel()
	words := ffctest.Flag("f").Variations("yes", "OFF")
	mixed := ffctest.Flag("f").Variations("FALSE", "True")
	build(t, ffctest.Snapshot(mixed), Config{}).Flags["f"].is(t, "classic", Boolean, "true")
	build(t, ffctest.Snapshot(words), Config{}).Flags["f"].is(t, "classic", Boolean, "false")
	build(t, ffctest.FeatBit.Snapshot(words), Config{}).Flags["f"].is(t, "FeatBit", String, `"OFF"`)

	tests := []struct {
		declared, a, b string
		want           Type
	}{
		{"string", "1", "2", String},
		{"string", "true", "false", String},
		{"number", "1", "2", Integer},
		{"number", "1", "2.5", Float},
		{"number", "1", "two", String},
		{"boolean", "true", "false", Boolean},
		{"boolean", "1", "0", Integer},
		{"json", "{}", "[]", Object},
		{"json", "1", "2", Integer},
		{"of the future", "1", "2", Integer},
	}
	for _, test := range tests {
		build(t, featBitFlag(test.declared, "", test.a, test.b), Config{}).Flags["f"].is(t, fmt.Sprint(test), test.want, string(test.want.jsonOfText(test.b)))
	}
}

// jsonOfText returns the value as a default of FeatBit.
func (t Type) jsonOfText(value string) json.RawMessage {
	v := featbit.Protocol().Semantics.Variation("", value)
	return t.jsonOf(&v)
}

// featBitFlag returns a snapshot with a flag whose off variation is the second.
func featBitFlag(declared, description, a, b string) []byte {
	text := func(s string) string { return string(textJSON(s)) }
	return []byte(`{"messageType":"data-sync","data":{"eventType":"full","segments":[],"featureFlags":[
		{"id":"f","key":"f","name":"F","description":` + text(description) + `,"updatedAt":"2026-01-01T00:00:00Z","isEnabled":true,"variationType":` + text(declared) + `,
		"disabledVariationId":"b","variations":[{"id":"a","value":` + text(a) + `},{"id":"b","value":` + text(b) + `}],"targetUsers":[],"rules":[],
		"fallthrough":{"includedInExpt":false,"variations":[{"id":"a","rollout":[0,1],"exptRollout":1}]}}]}}`)
}

// TestDescriptions: FeatBit's, else the name if that says more than the key, on one
// line that ends no comment.
func TestDescriptions(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                                "F",
		"Which checkout":                  "Which checkout",
		" two\r\n lines\u2028 and\tmore ": "two lines and more",
		"a */ b":                          "a * / b",
		`a *\ b`:                          "a * / b",
		`**\\ b`:                          "** // b",
		`""""" a`:                         `" a`,
		`""" \u000a`:                      `" /u000a`,
	}
	for description, want := range tests {
		if got := build(t, featBitFlag("string", description, "a", "b"), Config{}).Flags["f"].Description; got != want || endsComment(got) {
			t.Errorf("%q: got %q, want %q", description, got, want)
		}
	}
	m := build(t, ffctest.Snapshot(ffctest.Flag("a"), ffctest.Flag("b").Name("New checkout")), Config{})
	if a, b := m.Flags["a"].Description, m.Flags["b"].Description; a != "" || b != "New checkout" {
		t.Errorf("got %q and %q", a, b)
	}
}

// TestLeftOut: flags without a name in generated code, or with that of another flag.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	snapshot := ffctest.Snapshot(ffctest.Flag("new-checkout"), ffctest.Flag("new_checkout"), ffctest.Flag("newCheckout"), ffctest.Flag("2fa"),
		ffctest.Flag("team:a"), ffctest.Flag("a\nb"), ffctest.Flag(`a"b`), ffctest.Flag("size 2.x"),
		// The CLI drops letters that are not ASCII: Newber twice, nder, and no name.
		ffctest.Flag("new-Über"), ffctest.Flag("new-Öber"), ffctest.Flag("Ünder"), ffctest.Flag("日本"), ffctest.Flag("a٣"), ffctest.Flag("\u212Aelvin"))
	m := build(t, snapshot, Config{},
		`"2fa"`, `"a\nb"`, `"a\"b"`, `"a٣"`, `"new-Öber": its key makes no name`, `"new-Über"`,
		`"newCheckout": the flag "new-checkout" has the same name`, `"new_checkout"`, `"team:a"`, `"Ünder"`, "\"\u212Aelvin\"", `"日本"`)
	if got := slices.Sorted(maps.Keys(m.Flags)); !slices.Equal(got, []string{"new-checkout", "size 2.x"}) {
		t.Errorf("got %q", got)
	}
	// The keys on the command line decide which of several is described.
	m = build(t, snapshot, Config{Keys: []string{"newCheckout"}})
	if got := slices.Sorted(maps.Keys(m.Flags)); !slices.Equal(got, []string{"newCheckout"}) {
		t.Errorf("got %q", got)
	}
}

// TestUnusableFlags: the zero value takes the place of a text that could end a
// comment in generated code, and of a variation that is missing. Flags that are
// archived, malformed or without variations are left out.
func TestUnusableFlags(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"a\nb", "a\u2028b", "a */ b", `a """ b`, `a \u000a b`, `\\N{DOLLAR SIGN}`} {
		build(t, ffctest.Snapshot(ffctest.Flag("f").Variations("x", value)), Config{}, "could end a comment").Flags["f"].is(t, value, String, `""`)
		text, err := json.Marshal(map[string]any{"a": []any{value}})
		if err != nil {
			t.Fatal(err)
		}
		build(t, ffctest.Snapshot(ffctest.Flag("f").Variations("{}", string(text))), Config{}, "could end a comment").Flags["f"].is(t, value, Object, "{}")
		text, _ = json.Marshal(map[string]any{value: 1})
		build(t, ffctest.Snapshot(ffctest.Flag("f").Variations("{}", string(text))), Config{}, "could end a comment").Flags["f"].is(t, value, Object, "{}")
	}
	for _, value := range []string{`^\d+\.x$`, "a\tb", "it's /* fine"} {
		build(t, ffctest.Snapshot(ffctest.Flag("f").Variations("x", value)), Config{}).Flags["f"].is(t, value, String, string(textJSON(value)))
	}
	for _, value := range []string{"9007199254740992", "-9007199254740992"} {
		build(t, ffctest.Snapshot(ffctest.Flag("f").Variations("1", value)), Config{}).Flags["f"].is(t, value, Integer, value)
	}
	for _, value := range []string{"9007199254740993", "-9223372036854775808"} {
		build(t, ffctest.Snapshot(ffctest.Flag("f").Variations("1", value)), Config{}, "2^53").Flags["f"].is(t, value, Integer, "0")
	}
	missing := strings.Replace(string(featBitFlag("number", "", "1", "2")), `"disabledVariationId":"b"`, `"disabledVariationId":"gone"`, 1)
	build(t, []byte(missing), Config{}).Flags["f"].is(t, "missing", Integer, "0")
	none := strings.Replace(string(featBitFlag("number", "", "1", "2")), `"variations":[{"id":"a","value":"1"},{"id":"b","value":"2"}]`, `"variations":[]`, 1)
	if m := build(t, []byte(none), Config{}, "no variations"); len(m.Flags) != 0 {
		t.Errorf("got %v", m.Flags)
	}
	archived := strings.Replace(string(featBitFlag("number", "", "1", "2")), `"isEnabled":true`, `"isEnabled":true,"isArchived":true`, 1)
	if m := build(t, []byte(archived), Config{}); len(m.Flags) != 0 {
		t.Errorf("got %v", m.Flags)
	}
	broken := strings.Replace(string(featBitFlag("number", "", "1", "2")), `"isEnabled":true`, `"isEnabled":"yes"`, 1)
	if m := build(t, []byte(broken), Config{}, `left out the flag "f"`); len(m.Flags) != 0 {
		t.Errorf("got %v", m.Flags)
	}
}

// TestKeep: what a manifest has is kept as far as it fits, and only for flags that the
// environment still has.
func TestKeep(t *testing.T) {
	t.Parallel()
	kept, err := Parse([]byte(`{"flags": {
		"gone":    {"flagType": "string", "defaultValue": "x"},
		"as":      {"flagType": "boolean", "defaultValue": true, "description": "By hand"},
		"wider":   {"flagType": "float", "defaultValue": 2.5},
		"no-more": {"flagType": "boolean", "defaultValue": true, "description": "Stays"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	snapshot := ffctest.Snapshot(ffctest.Flag("as").Variations("1", "0"), ffctest.Flag("wider").Name("A width").Variations("1", "2"),
		ffctest.Flag("no-more").Variations("1", "2"), ffctest.Flag("new"))
	m := build(t, snapshot, Config{Keep: kept}, `"no-more" is an integer now: not every value is of the kept type boolean`)
	m.Flags["as"].is(t, "as", Boolean, "true")
	m.Flags["wider"].is(t, "wider", Float, "2.5")
	m.Flags["no-more"].is(t, "no-more", Integer, "2")
	m.Flags["new"].is(t, "new", Boolean, "false")
	if got := []string{m.Flags["as"].Description, m.Flags["wider"].Description, m.Flags["no-more"].Description}; len(m.Flags) != 4 ||
		!slices.Equal(got, []string{"By hand", "A width", "Stays"}) {
		t.Errorf("got %q of %v", got, m.Flags)
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`{`:    "invalid JSON",
		`[]`:   "invalid JSON",
		`{}`:   `an object "flags"`,
		`null`: `an object "flags"`,
		`{"flags": {"a": {"flagType": "int", "defaultValue": 1}}}`:           `flag "a": invalid flagType "int": expected boolean, string, integer, float or object`,
		`{"flags": {"a": {"flagType": "boolean"}}}`:                          `flag "a": its defaultValue is missing or no boolean`,
		`{"flags": {"a": {"flagType": "boolean", "defaultValue": "true"}}}`:  "no boolean",
		`{"flags": {"a": {"flagType": "string", "defaultValue": 1}}}`:        "no string",
		`{"flags": {"a": {"flagType": "integer", "defaultValue": 1.5}}}`:     "no integer",
		`{"flags": {"a": {"flagType": "float", "defaultValue": "1"}}}`:       "no float",
		`{"flags": {"a": {"flagType": "object", "defaultValue": "{}"}}}`:     "no object",
		`{"flags": {"a": {"flagType": "object", "defaultValue": null}}}`:     "no object",
		`{"flags": {"a": {"flagType": "float", "defaultValue": 1}}}`:         "",
		`{"flags": {"a": {"flagType": "object", "defaultValue": {"b": 1}}}}`: "",
		`{"flags": {}}`: "",
	}
	for text, want := range tests {
		_, err := Parse([]byte(text))
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// FuzzBuild: a manifest of any two values and any key can be parsed, is the same
// again, and its type has the values; no text in it ends a comment.
func FuzzBuild(f *testing.F) {
	for _, value := range []string{"", "true", "off", "12", "1.5", "-0", "007", "1e400", `{"a":1}`, "[", "a\nb", `\u000a`, "\xff"} {
		f.Add("flag", value, "x")
		f.Add(value, value, value)
	}
	f.Fuzz(func(t *testing.T, key, a, b string) {
		if a == b || strings.TrimSpace(key) == "" {
			return
		}
		for _, snapshot := range [][]byte{featBitFlag("", key, a, b), ffctest.Snapshot(ffctest.Flag(key).Variations(a, b))} {
			environment, err := environmentOf(t.Context(), snapshot)
			if err != nil {
				t.Skip(err)
			}
			m := Build(environment, Config{}, func(string, ...any) {})
			text, err := m.Text()
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse([]byte(text))
			if err != nil {
				t.Fatalf("%v of\n%s", err, text)
			}
			if second, err := again.Text(); err != nil || second != text {
				t.Errorf("%v: got\n%s, then\n%s", err, text, second)
			}
			for key, flag := range m.Flags {
				if first := key[0]; strings.ContainsFunc(key, func(r rune) bool { return r >= 0x80 }) || !('a' <= first && first <= 'z' || 'A' <= first && first <= 'Z') {
					t.Errorf("the key %q makes no identifier", key)
				}
				if endsComment(key) || endsComment(flag.Description) || unsafeIn(flag.Default) {
					t.Errorf("unsafe: %s", text)
				}
			}
		}
	})
}
