package main

import (
	"context"
	"go/parser"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// started runs the command until it is ready, and returns where.
func started(t *testing.T, args ...string) (url string, stdout, stderr *testkit.Log, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, stderr = &testkit.Log{}, &testkit.Log{}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve"}, args...), strings.NewReader(""), stdout, stderr, func(string) string { return "" })
	}()
	end = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { end() })
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for limit := testkit.Within(t); ; {
		if at := regexp.MustCompile(`page +(http://\S+)`).FindStringSubmatch(stdout.String()); at != nil {
			return at[1], stdout, stderr, end
		}
		select {
		case <-look.C:
		case <-limit.Done():
			t.Fatalf("not ready: %s%s", stdout, stderr)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(testkit.Within(t), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my flags.json")
	url, stdout, stderr, end := started(t, "-addr", "127.0.0.1:0", file, "-create", "-platform", "featbit")
	if status, body := get(t, url); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("the page: %d %s", status, body)
	}
	if status, body := get(t, url+"/local/state"); status != 200 || !strings.Contains(body, `"platform":"featbit"`) || !strings.Contains(body, url) {
		t.Errorf("the state: %d %s", status, body)
	}
	text := stdout.String()
	if !strings.Contains(text, "compatible with FeatBit") || !strings.Contains(text, file) || stderr.String() != "" {
		t.Errorf("got %s%s", stdout, stderr)
	}
	// What is there to be pasted is Go.
	_, code, _ := strings.Cut(text, "client, err := ")
	if _, err := parser.ParseExpr(code); err != nil || !strings.Contains(code, url) {
		t.Errorf("%v:\n%s", err, code)
	}
	begun := time.Now()
	if code := end(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the end took %v", took)
	}
}

func TestServeWithoutAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	_, _, _, end := started(t, "-addr", "127.0.0.1:0")
	if _, err := os.Stat("flags.json"); err != nil {
		t.Error(err)
	}
	if code := end(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
}

func TestServeElsewhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flags.json")
	url, _, stderr, _ := started(t, "-addr", ":0", "-create", file)
	if !strings.HasPrefix(url, "http://127.0.0.1:") || strings.HasSuffix(url, ":0") {
		t.Errorf("got %s", url)
	}
	eventually := testkit.Within(t)
	for !strings.Contains(stderr.String(), "any machine that reaches this port") {
		if eventually.Err() != nil {
			t.Fatalf("got %s", stderr)
		}
		get(t, url)
	}
}

func TestServeMistakes(t *testing.T) {
	dir := t.TempDir()
	good, bad, missing := filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json"), filepath.Join(dir, "none.json")
	for path, text := range map[string]string{good: "{}", bad: "{\n  \"flags\": 1}"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"port taken", []string{"-addr", taken.Addr().String(), good}, cli.ExitFailed, []string{"port " + port + " is in use", "-addr 127.0.0.1:"}},
		{"no address", []string{"-addr", "4400", good}, cli.ExitUsage, []string{"host:port", "127.0.0.1:4400"}},
		{"an address of another machine", []string{"-addr", "192.0.2.1:4400", good}, cli.ExitFailed, []string{"cannot listen on -addr 192.0.2.1:4400", "an address of this machine"}},
		{"bad file", []string{bad}, cli.ExitNoData, []string{bad + ":2:12: expected an object, got the number 1"}},
		{"no file", []string{missing}, cli.ExitNoData, []string{"there is no file " + missing, "-create"}},
		{"no platform", []string{"-platform", "featbti", good}, cli.ExitUsage, []string{"-platform", "classic or featbit"}},
		{"two files", []string{good, bad}, cli.ExitUsage, []string{"too many files: expected one"}},
		{"no such option", []string{"-port", "1"}, cli.ExitUsage, []string{"-port", "ffc help serve"}},
		{"an empty name", []string{"-allow-host", "", good}, cli.ExitUsage, []string{"-allow-host", `"" is not the name of a machine`}},
		{"a URL for a name", []string{"-allow-host", "http://my.machine", good}, cli.ExitUsage, []string{"-allow-host", "such as host.docker.internal"}},
		{"any name", []string{"-allow-host", "*", good}, cli.ExitUsage, []string{`"*" is not the name`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := invocation{ctx: testkit.Within(t)}.run(t, append([]string{"serve"}, tt.args...)...)
			if out.code != tt.code {
				t.Errorf("got exit code %d", out.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.stderr, want) {
					t.Errorf("no %q in %s", want, out.stderr)
				}
			}
			if out.stdout != "" {
				t.Errorf("got %s", out.stdout)
			}
		})
	}
}
