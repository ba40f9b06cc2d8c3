package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// readsOfShop is the output of ffcvet for code that reads flags of shop.
const readsOfShop = "testdata/unused/reads.json"

// golden returns the content of a golden file.
func golden(t *testing.T, name string) string {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "unused", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(want)
}

// dependent is an environment whose flags have prerequisites.
func dependent() []ffctest.Item {
	return append(shop(),
		ffctest.Flag("base").Name("The base"),
		ffctest.Flag("middle").Prerequisite(ffctest.Flag("base"), "true"),
		ffctest.Flag("top").Prerequisite(ffctest.Flag("middle"), "true"),
		ffctest.Flag("alone").Name("Not in use").Prerequisite(ffctest.Flag("also-alone"), "true"),
		ffctest.Flag("also-alone"),
	)
}

func TestUnused(t *testing.T) {
	s := platforms.NewServer(t, ffctest.Classic, append(dependent(), ffctest.Flag("gone"))...)
	s.Archive("gone")
	file := write(t, "flags.json", string(s.Snapshot()))
	for name, args := range map[string][]string{"output.txt": nil, "output.json": {"-json"}} {
		got := bare(t, append([]string{"unused", "-file", file, "-reads", readsOfShop}, args...)...)
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", "unused", name), []byte(got.stdout), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want := outcome{code: cli.ExitFailed, stdout: golden(t, name)}
		got.is(t, want)
		at(t, s, append([]string{"unused", "-reads", readsOfShop}, args...)...).is(t, want)
	}
}

func TestUnusedOfBothPlatforms(t *testing.T) {
	const reads = `{"shop": {"ffcvet": [{"category": "read", "posn": "/shop/main.go:1:2", "message": "reads flag \"KEY\""}]}}`
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, ffctest.Flag("a"))
		with := func(key string) outcome {
			return invocation{stdin: strings.ReplaceAll(reads, "KEY", key), env: environmentOf(s)}.run(t, "unused", "-reads", "-")
		}
		with("a").is(t, outcome{stdout: "1 flag in use, 0 missing, 0 unused, 0 places with unknown keys.\n"})
		with("b\u202e").is(t, outcome{code: cli.ExitFailed, stdout: `Read by the code, but not in the environment:
  b\u202e
    /shop/main.go:1
In the environment, but not read by the code:
  a
0 flags in use, 1 missing, 1 unused, 0 places with unknown keys.
`})
	})
}

// TestUnusedRunsVet: where ffcvet runs for a pattern, and with which arguments.
func TestUnusedRunsVet(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "ffcvet")
	output, err := os.ReadFile(readsOfShop)
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho \"$(pwd): $*\" >>" + dir + "/log\ncat <<'END'\n" + string(output) + "\nEND\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, program)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "flags.json", string(ffctest.Snapshot(dependent()...)))
	for want, args := range map[string][]string{
		here + ": -json -test=false -- ./...\n":                                       nil,
		here + "/internal: -json -test=false -- ./...\n":                              {"-dir", "./internal/..."},
		here + "/internal: -json -test=false -- .\n":                                  {"-dir", here + "/internal", "-ffcvet", program},
		here + "/testdata: -json -test=false -- .\n":                                  {"-dir", "./testdata", "-ffcvet", relative},
		here + ": -json -test=false -- a/...\n" + here + ": -json -test=false -- b\n": {"-dir", "a/...", "-dir", "b"},
	} {
		if err := os.RemoveAll(dir + "/log"); err != nil {
			t.Fatal(err)
		}
		bare(t, append([]string{"unused", "-file", file}, args...)...).is(t, outcome{code: cli.ExitFailed, stdout: golden(t, "output.txt")})
		if log, err := os.ReadFile(dir + "/log"); err != nil || string(log) != want {
			t.Errorf("%q: ffcvet ran as %q (%v), want %q", args, log, err, want)
		}
	}

	if err := os.WriteFile(program, []byte("#!/bin/sh\necho main.go:1:2: no such thing >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	bare(t, "unused", "-file", file).is(t, outcome{code: cli.ExitNoData, stderr: "ffc: ffcvet failed for ./...: exit status 1\nmain.go:1:2: no such thing\n"})
	bare(t, "unused", "-file", file, "-dir", dir).is(t, outcome{code: cli.ExitNoData, stderr: "ffc: ffcvet failed for " + dir + ": exit status 1\nmain.go:1:2: no such thing\n" +
		"There is no go.mod in this directory or above: name a directory of the module with -dir.\n"})
	for pattern, want := range map[string]string{
		"./nodir":      "there is no directory ./nodir: expected one with Go packages",
		"./nodir/...":  "there is no directory ./nodir: expected one with Go packages",
		"./unused.go":  "there is no directory ./unused.go: expected one with Go packages",
		"internal":     "that is the path of packages of the standard library: use -dir ./internal for the directory",
		"internal/...": "that is the path of packages of the standard library: use -dir ./internal/... for the directory",
	} {
		bare(t, "unused", "-file", file, "-dir", pattern).is(t, outcome{code: cli.ExitNoData, stderr: "ffc: -dir " + pattern + ": " + want + "\n"})
	}
	t.Setenv("PATH", t.TempDir())
	bare(t, "unused", "-file", file).is(t, outcome{code: cli.ExitNoData, stderr: `ffc: cannot run ffcvet: exec: "ffcvet": executable file not found in $PATH
Install it with "go install github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffcvet@latest", or name it with -ffcvet PATH.
`})
}

// TestUnusedExitCodes: each end has the exit code of docs/unused.md.
func TestUnusedExitCodes(t *testing.T) {
	const read = `{"shop": {"ffcvet": [{"category": "read", "posn": "/shop/main.go:1:2", "message": "reads flag \"KEY\""}]}}`
	reads := func(keys ...string) string {
		var b strings.Builder
		for _, key := range keys {
			b.WriteString(strings.ReplaceAll(read, "KEY", key))
		}
		return write(t, "reads.json", b.String())
	}
	s := platforms.NewServer(t, ffctest.Classic, ffctest.Flag("a"), ffctest.Flag("b"))
	file, malformed := write(t, "flags.json", string(s.Snapshot())), write(t, "malformed.json", "{")
	for _, test := range []struct {
		name string
		args []string
		code int
		i    invocation
	}{
		{"the same flags", []string{"-reads", reads("a", "b"), "-file", file}, 0, invocation{}},
		{"the same flags of the platform", []string{"-reads", reads("a", "b")}, 0, invocation{env: environmentOf(s)}},
		{"an unused flag", []string{"-reads", reads("a"), "-file", file}, cli.ExitFailed, invocation{}},
		{"a missing flag", []string{"-reads", reads("a", "b", "c"), "-file", file, "-json"}, cli.ExitFailed, invocation{}},
		{"a wrong option", []string{"-read", "x"}, cli.ExitUsage, invocation{}},
		{"a wrong URL", []string{"-reads", reads("a"), "-url", "x"}, cli.ExitUsage, invocation{env: environmentOf(s)}},
		{"no file", []string{"-reads", reads("a"), "-file", "/no/such/file"}, cli.ExitNoData, invocation{}},
		{"a malformed file", []string{"-reads", reads("a"), "-file", malformed}, cli.ExitNoData, invocation{}},
		{"no platform", []string{"-reads", reads("a"), "-url", "http://" + deadPort(t), "-timeout", "100ms"}, cli.ExitNoData, invocation{env: environmentOf(s)}},
		{"no output of ffcvet", []string{"-reads", "/no/such/file", "-file", file}, cli.ExitNoData, invocation{}},
		{"no ffcvet", []string{"-ffcvet", "/no/such/program", "-file", file}, cli.ExitNoData, invocation{}},
		{"code that reads no flags", []string{"-reads", reads(), "-file", file}, cli.ExitNoData, invocation{}},
	} {
		if got := test.i.run(t, append([]string{"unused"}, test.args...)...); got.code != test.code {
			t.Errorf("%s: exit code %d, want %d\n%s", test.name, got.code, test.code, got.stderr)
		}
	}
	var stderr bytes.Buffer
	args := []string{"unused", "-reads", reads("a", "b"), "-file", file}
	if code := run(t.Context(), args, nil, brokenWriter{}, &stderr, func(string) string { return "" }); code != cli.ExitFailed {
		t.Errorf("closed output: exit code %d, %q", code, stderr.String())
	}
	if runtime.GOOS == "windows" {
		return // the rest needs a shell
	}
	slow := filepath.Join(t.TempDir(), "ffcvet")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	stop := s.Stall(ffctest.Streaming)
	defer stop()
	for name, args := range map[string][]string{
		"the platform": {"-reads", reads("a")},
		"ffcvet":       {"-ffcvet", slow, "-file", file},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		got := invocation{ctx: ctx, env: environmentOf(s)}.run(t, append([]string{"unused"}, args...)...)
		cancel()
		if got.code != cli.ExitInterrupted || got.stderr != "" {
			t.Errorf("interrupted while it waits for %s: %+v", name, got)
		}
	}
}

func TestUnusedUsage(t *testing.T) {
	const run = "Run \"ffc help unused\" for usage.\n"
	for want, args := range map[string][]string{
		"unexpected argument \"./...\": use -dir for the packages to look at":                     {"./..."},
		"-reads excludes -dir and -ffcvet: it is the output of ffcvet":                            {"-reads", "x", "-dir", "."},
		"-reads and another option cannot both read standard input":                               {"-reads", "-", "-file", "-"},
		"-file and -secret exclude each other: the data comes from the file or from the platform": {"-file", "x", "-secret", "s"},
		missingSecret: {"-reads", "x"},
	} {
		bare(t, append([]string{"unused"}, args...)...).is(t, outcome{code: cli.ExitUsage, stderr: "ffc: unused: " + want + "\n" + run})
	}
}

// TestUnusedReads: what is wrong with the output of ffcvet is said.
func TestUnusedReads(t *testing.T) {
	file := write(t, "flags.json", string(ffctest.Snapshot(shop()...)))
	diagnostic := func(category, posn, message string) string {
		return `{"p": {"ffcvet": [{"category": "` + category + `", "posn": "` + posn + `", "message": "` + message + `"}]}}`
	}
	for content, want := range map[string]string{
		"":                                       "ffcvet found no code that reads flags: check the packages, and whether the code compiles",
		"{}\n":                                   "ffcvet found no code that reads flags: check the packages, and whether the code compiles",
		"[]":                                     "PATH: invalid output of ffcvet: json: cannot unmarshal array into Go value of type map[string]map[string]json.RawMessage: expected that of \"ffcvet -json\" or \"go vet -vettool=ffcvet -json\"",
		`{"p": {"ffcvet": {"error": "failed"}}}`: `PATH: ffcvet reports an error for package p: {"error": "failed"}`,
		diagnostic("read", "main.go:1:2", "reads"):             `PATH: invalid message "reads" of ffcvet: expected reads flag "KEY"`,
		diagnostic("read", "main.go", `reads flag \"a\"`):      `PATH: invalid position "main.go" of ffcvet: expected FILE:LINE:COLUMN`,
		diagnostic("other", "main.go:1:2", `reads flag \"a\"`): `PATH: unknown category "other" of ffcvet: its version does not fit that of ffc`,
	} {
		path := write(t, "reads.json", content)
		bare(t, "unused", "-file", file, "-reads", path).is(t, outcome{code: cli.ExitNoData, stderr: "ffc: " + strings.ReplaceAll(want, "PATH", path) + "\n"})
	}
	bare(t, "unused", "-file", file, "-reads", "/no/such/file").is(t, outcome{code: cli.ExitNoData, stderr: "ffc: open /no/such/file: no such file or directory\n"})
}

func FuzzFlagReads(f *testing.F) {
	output, err := os.ReadFile(readsOfShop)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(output)
	f.Fuzz(func(t *testing.T, output []byte) {
		r := &flagReads{places: make(map[string][]place)}
		if err := r.add("fuzz", output); err != nil {
			return
		}
		r.sort()
		report := newUseReport(r, nil)
		if len(report.Missing) != len(r.places) || len(report.Unknown) != len(r.unknown) {
			t.Errorf("%d keys and %d unknown, reported %+v", len(r.places), len(r.unknown), report)
		}
	})
}
