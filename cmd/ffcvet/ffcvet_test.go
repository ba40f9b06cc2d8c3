package main

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// command runs a program in the module testdata/shop, and fails the test if it does
// not exit with a code.
func command(t *testing.T, code int, stdin []byte, name string, args ...string) (stdout []byte) {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = filepath.Join("testdata", "shop"), bytes.NewReader(stdin), &out, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if cmd.ProcessState.ExitCode() != code {
		t.Fatalf("%s %q: exit code %d, want %d\n%s%s", name, args, cmd.ProcessState.ExitCode(), code, out.Bytes(), stderr.Bytes())
	}
	return out.Bytes()
}

// programs builds ffc and ffcvet.
func programs(t *testing.T) (ffc, ffcvet string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds programs")
	}
	// Makes go test look at changes of files, rather than at its cache.
	err := filepath.WalkDir("../..", func(_ string, d fs.DirEntry, err error) error {
		if d != nil && d.Name() == ".git" && d.IsDir() {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	ffc, ffcvet = filepath.Join(bin, "ffc.exe"), filepath.Join(bin, "ffcvet.exe")
	for dir, program := range map[string]string{"../../../..": ffc, "../..": ffcvet} {
		pkg := "."
		if program == ffc {
			pkg = "./cmd/ffc"
		}
		command(t, 0, nil, "go", "build", "-C", dir, "-o", program, pkg)
	}
	return ffc, ffcvet
}

// TestUnusedFlags: ffc unused finds the same with each way to run ffcvet, in a
// module that reads flags through both SDKs. The accessors that the OpenFeature CLI
// generates read flags where they are used.
func TestUnusedFlags(t *testing.T) {
	ffc, ffcvet := programs(t)
	const golden = "testdata/shop.txt"
	got := command(t, 1, nil, ffc, "unused", "-ffcvet", ffcvet, "-file", "flags.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{
		"ffc unused":   got,
		"ffcvet -json": command(t, 1, command(t, 0, nil, ffcvet, "-json", "./..."), ffc, "unused", "-reads", "-", "-file", "flags.json"),
		"go vet -json": command(t, 1, command(t, 0, nil, "go", "vet", "-vettool", ffcvet, "-json", "./..."), ffc, "unused", "-reads", "-", "-file", "flags.json"),
	} {
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
	guide, err := os.ReadFile("../../docs/unused.md")
	if err != nil {
		t.Fatal(err)
	}
	if shown := "    " + strings.ReplaceAll(strings.TrimSpace(string(want)), "\n", "\n    ") + "\n"; !strings.Contains(string(guide), shown) {
		t.Errorf("docs/unused.md does not have this output:\n%s", shown)
	}
	command(t, 3, nil, ffcvet, "./...") // it has found something
	command(t, 1, nil, "go", "vet", "-vettool", ffcvet, ".")
	command(t, 0, nil, "go", "vet", "-vettool", ffcvet, "./toggles")

	const typed = "../../../../openfeature/examples/typed"
	command(t, 0, nil, ffc, "unused", "-ffcvet", ffcvet, "-dir", typed+"/...", "-file", typed+"/flags.json")
	command(t, 3, nil, ffc, "unused", "-ffcvet", ffcvet, "-dir", typed+"/flags", "-file", typed+"/flags.json")
}
