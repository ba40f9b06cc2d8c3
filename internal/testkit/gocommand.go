package testkit

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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

// client are the packages that the client links: a name with a slash at the end stands
// for that folder and everything below it. Transports are the application's choice.
var client = []string{
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc",
	"github.com/feature-flags-co/ffc-server-go-sdk/flush",
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/",
	"github.com/feature-flags-co/ffc-server-go-sdk/transport",
	"github.com/dlclark/regexp2",        // FeatBit's regular expressions
	"github.com/dlclark/regexp2/syntax", // regexp2's
	"github.com/hashicorp/go-cleanhttp", // go-retryablehttp's
	"github.com/hashicorp/go-retryablehttp",
	"github.com/valyala/fastjson",
	"github.com/valyala/fastjson/fastfloat", // fastjson's
}

// LinksClientAnd tests what a program links that imports the package in the current
// directory: that package, the client, the standard library and others. A name in
// others with a slash at the end stands for that folder and everything below it.
func LinksClientAnd(t testing.TB, others ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not (or .Standard .Match)}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := slices.Concat(client, others)
	linked := strings.Fields(string(out))
	for _, path := range linked {
		if !slices.ContainsFunc(allowed, func(a string) bool { return a == path || strings.HasSuffix(a, "/") && strings.HasPrefix(path+"/", a) }) {
			t.Errorf("links %s", path)
		}
	}
	if !slices.Contains(linked, client[0]) {
		t.Errorf("does not link the client, but %q", linked)
	}
}
