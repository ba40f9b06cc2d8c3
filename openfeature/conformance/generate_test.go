package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

// command runs a program in a folder and fails the test if the program fails.
func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// root is the folder of the root module.
const root = "../.."

// manifest writes the manifest of a flag file or snapshot.
func manifest(t *testing.T, from, to string) {
	t.Helper()
	from, err := filepath.Abs(from)
	if err != nil {
		t.Fatal(err)
	}
	command(t, root, "go", "run", "./cmd/ffc", "manifest", "-file", from, "-o", to)
}

// generate writes the code that the OpenFeature CLI generates from a manifest, and
// fails the test if the manifest does not fit the schema.
func generate(t *testing.T, language, manifest, to string, args ...string) {
	t.Helper()
	command(t, ".", "go", append([]string{"tool", "openfeature", "generate", language, "--no-input", "-m", manifest, "-o", to}, args...)...)
}

// same compares a file with one in the repository.
func same(t *testing.T, got, want string) {
	t.Helper()
	a, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(want); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%s is not up to date (%v): run go generate in its example. Expected\n%s", want, err, a)
	}
}

// TestExamplesAreUpToDate: the manifests and the code of the examples are what ffc
// manifest and the OpenFeature CLI write. The examples' own tests run them.
func TestExamplesAreUpToDate(t *testing.T) {
	for example, args := range map[string][]string{
		"../examples/typed":      nil,
		root + "/examples/typed": {"-t", root + "/examples/typed/accessors.tmpl"},
	} {
		dir := t.TempDir()
		written := filepath.Join(dir, "manifest.json")
		manifest(t, filepath.Join(example, "flags.json"), written)
		same(t, written, filepath.Join(example, "manifest.json"))
		generate(t, "go", written, dir, append(args, "--package-name", "flags")...)
		same(t, filepath.Join(dir, "flags_gen.go"), filepath.Join(example, "flags", "flags_gen.go"))
	}
}

// leftOut are keys that the manifest must not have: generated code would not compile,
// or would not export the accessor.
var leftOut = []string{"2fa", "flag_0", "日本", "new-Über", "new-Öber", "Ünder"}

// odd has values and names that are hard for generated code, a flag each.
func odd() []ffctest.Item {
	pairs := [][2]string{
		{"true", "false"}, {"ON", "off"}, {"1", "0"}, {"t", "f"}, {"10", "-20"}, {"2147483648", "9007199254740992"}, {"9223372036854775807", "-9223372036854775808"},
		{"1", "1.5"}, {"1", "1e3"}, {"1e300", "-0"}, {"9223372036854775808", "0.1"}, {"007", "008"}, {"1.5", ".5"}, {"1.5", "1_000"}, {"1", "+1"}, {"1.5", "NaN"},
		{"1e999", "1"}, {`{"a": [1, {"b": null}]}`, "{}"}, {"[]", `[1, "x"]`}, {"[1] ", " {}"}, {`{"a"`, "{}"}, {`"a"`, `"b"`}, {"", " "}, {"x", "a\nb"},
		{"x", "\x00"}, {"x", `C:\users\new`}, {"x", "*/ y /*"}, {"x", `"""`}, {"x", "`${y}` %s {{z}}"}, {"{}", `{"*/": "\n"}`}, {"größe", "日本"},
	}
	items := make([]ffctest.Item, 0, len(pairs)+1+len(leftOut))
	for i, values := range pairs {
		items = append(items, ffctest.Flag(fmt.Sprint("flag-", i)).Name("Values of */ \"\"\" \\u000a\nflag").Variations(values[:]...).
			Target(values[0], "0").Target(values[1], "1"))
	}
	items = append(items, ffctest.Flag("Size.2 x"))
	for _, key := range leftOut {
		items = append(items, ffctest.Flag(key))
	}
	return items
}

// TestOddFlags: the OpenFeature CLI accepts the manifest of odd flags for every
// language, its Go code compiles, and the provider reads all values of a flag as the
// flag's type.
func TestOddFlags(t *testing.T) {
	for _, platform := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		t.Run(platform.String(), func(t *testing.T) {
			dir := t.TempDir()
			snapshot, written := filepath.Join(dir, "snapshot.json"), filepath.Join(dir, "manifest.json")
			if err := os.WriteFile(snapshot, platform.Snapshot(odd()...), 0o600); err != nil {
				t.Fatal(err)
			}
			manifest(t, snapshot, written)
			for _, language := range []string{"go", "angular", "csharp", "java", "nestjs", "nodejs", "python", "react"} {
				generate(t, language, written, filepath.Join(dir, language))
			}
			command(t, ".", "go", "vet", filepath.Join(dir, "go", "openfeature_gen.go"))
			checkTypes(t, platform, written)
		})
	}
}

// checkTypes evaluates each flag of a manifest as its type, for both variations.
func checkTypes(t *testing.T, platform ffctest.Platform, written string) {
	t.Helper()
	text, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Flags map[string]struct {
			Type string `json:"flagType"`
		} `json:"flags"`
	}
	if err := json.Unmarshal(text, &m); err != nil || len(m.Flags) != len(odd())-len(leftOut) {
		t.Fatalf("%v: %d flags, expected %d", err, len(m.Flags), len(odd())-len(leftOut))
	}
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, EnvSecret: platform.EnvSecret(), Bootstrap: platform.Snapshot(odd()...), Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	types := make(map[string]int)
	for key, flag := range m.Flags {
		types[flag.Type]++
		for user := range 2 {
			ctx := of.FlattenedContext{of.TargetingKey: strconv.Itoa(user)}
			var d of.ProviderResolutionDetail
			switch flag.Type {
			case "boolean":
				d = provider.BooleanEvaluation(t.Context(), key, false, ctx).ProviderResolutionDetail
			case "integer":
				d = provider.IntEvaluation(t.Context(), key, 0, ctx).ProviderResolutionDetail
			case "float":
				d = provider.FloatEvaluation(t.Context(), key, 0, ctx).ProviderResolutionDetail
			case "object":
				d = provider.ObjectEvaluation(t.Context(), key, nil, ctx).ProviderResolutionDetail
			default:
				d = provider.StringEvaluation(t.Context(), key, "", ctx).ProviderResolutionDetail
			}
			if err := d.Error(); err != nil || d.Variant != strconv.Itoa(user+1) && key != "Size.2 x" {
				t.Errorf("%s as %s: variant %s, %v", key, flag.Type, d.Variant, err)
			}
		}
	}
	if len(types) != 5 {
		t.Errorf("only the types %v", types)
	}
}
