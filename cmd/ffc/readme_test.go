package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/local"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestReadmeRunsAgainstServe: the snippets of the README's quick start are a
// program that prints what they promise, with the flags that ffc serve makes.
func TestReadmeRunsAgainstServe(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, start, ok := strings.Cut(string(readme), "## Quick start")
	start, _, ok2 := strings.Cut(start, "\n## ")
	if !ok || !ok2 {
		t.Fatal("the README has no quick start")
	}
	var snippets []string
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(start, -1) {
		snippets = append(snippets, m[1])
	}
	find := func(part string) string {
		t.Helper()
		i := slices.IndexFunc(snippets, func(s string) bool { return strings.Contains(s, part) })
		if i < 0 {
			t.Fatalf("the quick start has no snippet with %q", part)
		}
		return snippets[i]
	}
	const transport = "Transport: &stream.Transport{},\n"
	body := strings.Replace(find("ffc.New(ctx"), transport, transport+"BaseURL: baseURL,\n", 1)
	connect, rest, ok := strings.Cut(body, "user :=")
	if !ok {
		t.Fatal("the first snippet has no user")
	}
	program := "package main\n" + strings.Replace(find("import ("), "import (", "import (\n\"os\"\n", 1) + `
func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		panic(err)
	}
}

func run(ctx context.Context, envSecret, baseURL string) error {
` + connect + find("WaitReady") + find("VariationDetail") + find("client.For(") + "user :=" + rest + "}\n"
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, program)
	}
	onBoth(t, func(t *testing.T, g ffctest.Generation) {
		p, err := local.New(local.Config{File: filepath.Join(t.TempDir(), "flags.json"), Create: true, Platform: g.String()})
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx, listener) }()
		defer func() {
			cancel()
			<-ended
		}()
		cmd := exec.CommandContext(t.Context(), binary, p.EnvSecret(), local.URL(listener.Addr()))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err != nil || len(lines) != 3 || lines[0] != "blue because of fall through all rules" || !regexp.MustCompile(`^10 (true|false)$`).MatchString(lines[1]) || lines[2] != "the new way" {
			t.Errorf("%v: the program printed\n%s%s", err, out, stderr.String())
		}
		if strings.Contains(stderr.String(), "fallback") {
			t.Errorf("a flag is missing or of another type:\n%s", stderr.String())
		}
	})
}

// The file that ffc serve makes in the clone is ignored there.
func TestServeLeavesNothingUntracked(t *testing.T) {
	ignored, err := os.ReadFile("../../.gitignore")
	if err != nil || !slices.Contains(strings.Split(string(ignored), "\n"), "/"+defaultFile) {
		t.Errorf("%s is not ignored: %v", defaultFile, err)
	}
}
