package main

import (
	"bytes"
	"errors"
	"flag"
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

// TestUnusedFlagsOfShop: ffc unused finds the same with each way to run ffcvet, in a
// module that reads flags through both SDKs.
func TestUnusedFlagsOfShop(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	bin := t.TempDir()
	ffc, ffcvet := filepath.Join(bin, "ffc.exe"), filepath.Join(bin, "ffcvet.exe")
	for dir, program := range map[string]string{"../../../..": ffc, "../..": ffcvet} {
		pkg := "."
		if program == ffc {
			pkg = "./cmd/ffc"
		}
		command(t, 0, nil, "go", "build", "-C", dir, "-o", program, pkg)
	}

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
}
