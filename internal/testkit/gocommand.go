package testkit

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// All reports whether a test that has many cases of one kind runs all of them.
// Otherwise the test selects some, for feedback in less time. All returns true if
// FFC_TEST_ALL is set, as .ci/run does, or if -run names a subtest, so that each
// case can be run alone.
func All() bool {
	run := flag.Lookup("test.run")
	return os.Getenv("FFC_TEST_ALL") != "" || run != nil && strings.Contains(run.Value.String(), "/")
}

// Program builds a program and returns the path of its executable, which is removed
// when the test ends. args are flags of go build and the package of the program.
func Program(t testing.TB, args ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "program.exe")
	command := append([]string{"build", "-o", path}, args...)
	if runtime.GOOS != "windows" { // has no cp
		// Unlike go build, go run does not link again what the build cache has.
		command = append(append([]string{"run", "-exec", "cp"}, args...), path)
	}
	if out, err := exec.CommandContext(t.Context(), "go", command...).CombinedOutput(); err != nil {
		t.Fatalf("go %q: %v: %s", command, err, out)
	}
	return path
}
