package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

const (
	manifestFlags  = "testdata/manifest/flags.json"
	manifestGolden = "testdata/manifest/manifest.json"
	manifestWrote  = "described 5 flags: 1 boolean, 1 string, 1 integer, 1 float, 1 object\n"
)

// TestManifest compares manifests with a golden file, which -update rewrites: a flag
// file, a snapshot and an environment of the same flags give the same, on both
// platforms.
func TestManifest(t *testing.T) {
	if *update {
		bare(t, "manifest", "-file", manifestFlags, "-o", manifestGolden)
	}
	golden, err := os.ReadFile(manifestGolden)
	if err != nil {
		t.Fatal(err)
	}
	want := outcome{stdout: string(golden), stderr: manifestWrote}
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		bare(t, "manifest", "-file", manifestFlags, "-platform", p.String()).is(t, want)
		snapshot := bare(t, "snapshot", "-file", manifestFlags, "-platform", p.String()).stdout
		invocation{stdin: snapshot}.run(t, "manifest", "-file", "-").is(t, want)
		s := p.NewServer([]byte(snapshot))
		defer s.Close()
		at(t, s, "manifest").is(t, want)
		at(t, s, "manifest", "-poll", "-o", "-").is(t, want)
		if n := len(s.Requests(ffctest.Events)); n != 0 {
			t.Errorf("%d requests with events", n)
		}
		noneConnected(t, s)
	})
}

// TestManifestOfSomeFlags: the flags on the command line, with zero values.
func TestManifestOfSomeFlags(t *testing.T) {
	const want = `{
  "$schema": "https://raw.githubusercontent.com/open-feature/cli/refs/heads/main/schema/v0/flag-manifest.json",
  "flags": {
    "limits": {
      "flagType": "object",
      "defaultValue": {}
    },
    "page-size": {
      "flagType": "integer",
      "defaultValue": 0
    }
  }
}
`
	bare(t, "manifest", "-file", manifestFlags, "-default", "zero", "page-size", "limits").is(t,
		outcome{stdout: want, stderr: "described 2 flags: 1 integer, 1 object\n"})
	empty := write(t, "empty.json", `{"flags": {}}`)
	if out := bare(t, "manifest", "-file", empty); out.code != 0 || !strings.Contains(out.stdout, `"flags": {}`) || out.stderr != "described 0 flags\n" {
		t.Errorf("%+v", out)
	}
}

// TestManifestOfServesFlags: the flags of a new file of ffc serve have the types that
// docs/typed-flags.md calculates with. With an integer, its price has no fraction.
func TestManifestOfServesFlags(t *testing.T) {
	out := bare(t, "manifest", "-file", "internal/local/example.json")
	var m struct {
		Flags map[string]struct {
			Type string `json:"flagType"`
		} `json:"flags"`
	}
	if err := json.Unmarshal([]byte(out.stdout), &m); err != nil || out.code != 0 {
		t.Fatalf("%v: %+v", err, out)
	}
	if got := m.Flags["discount"].Type + " " + m.Flags["new-checkout"].Type; got != "float boolean" {
		t.Errorf("discount and new-checkout are %s, want float boolean", got)
	}
}

// TestManifestKeepsEdits: what people change in the file survives the next run.
func TestManifestKeepsEdits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "manifest.json")
	bare(t, "manifest", "-file", manifestFlags, "-o", path).is(t, outcome{stderr: strings.Replace(manifestWrote, "flags:", "flags in "+path+":", 1)})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer(`"defaultValue": 20`, `"defaultValue": 25`, "New checkout", "One page instead of three").Replace(string(text))
	if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := bare(t, "manifest", "-file", manifestFlags, "-keep", path, "-o", path); out.code != 0 {
		t.Errorf("%+v", out)
	}
	if text, err = os.ReadFile(path); err != nil || string(text) != edited {
		t.Errorf("%v: got\n%s\nwant\n%s", err, text, edited)
	}
}

func TestManifestFailures(t *testing.T) {
	dir := t.TempDir()
	invalid := write(t, "invalid.json", `{"flags": {"a": {"flagType": "int"}}}`)
	flags := write(t, "flags.json", `{"flags": {"fine": {}, "2fa": {}}}`)
	tests := []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"unknown flag", []string{"-file", manifestFlags, "bannr"}, cli.ExitFailed, `ffc: the environment has no flag "bannr": did you mean "banner"?`},
		{"invalid default", []string{"-default", "on"}, cli.ExitUsage, `invalid value "on": expected off or zero`},
		{"no manifest to keep", []string{"-file", manifestFlags, "-keep", filepath.Join(dir, "none")}, cli.ExitUsage, "-keep: "},
		{"invalid manifest to keep", []string{"-file", manifestFlags, "-keep", invalid}, cli.ExitUsage, `flag "a": invalid flagType "int"`},
		{"no file", []string{"-file", filepath.Join(dir, "none")}, cli.ExitNoData, "none"},
		{"no place to write", []string{"-file", manifestFlags, "-o", dir}, cli.ExitFailed, "cannot write the file " + dir},
		{"no secret", nil, cli.ExitUsage, "missing secret"},
		{"left out", []string{"-file", flags}, 0, "ffc: warning: left out the flag \"2fa\": "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := bare(t, append([]string{"manifest"}, test.args...)...)
			if out.code != test.code || !strings.Contains(out.stderr, test.stderr) || (out.stdout == "") != (test.code != 0) {
				t.Errorf("%+v", out)
			}
		})
	}
}
