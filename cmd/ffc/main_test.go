package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// wrongSecret is well formed, but of no environment that tests have.
const wrongSecret = "v3faJy3RCUO8d-EJiVdN6waRfGjfNan02Ms9c0LiTD6w"

func TestMain(m *testing.M) { testkit.Main(m, 8) }

// outcome is what a command line came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// invocation is a command line and what is around it.
type invocation struct {
	ctx   context.Context
	stdin string
	env   map[string]string
}

// run runs a command. Whatever it is, it must not tell a secret or speak of
// settings that the command line does not have, and must leave nothing behind.
func (i invocation) run(t *testing.T, args ...string) outcome {
	t.Helper()
	ctx := i.ctx
	if ctx == nil {
		ctx = t.Context()
	}
	var stdout, stderr bytes.Buffer
	code := 0
	testkit.LeavesNoGoroutine(t, func() {
		code = run(ctx, args, strings.NewReader(i.stdin), &stdout, &stderr, func(name string) string { return i.env[name] })
	})
	out := outcome{code, stdout.String(), stderr.String()}
	checkDiscretion(t, out)
	return out
}

func checkDiscretion(t *testing.T, out outcome) {
	t.Helper()
	for _, text := range []string{strings.TrimRight(ffctest.EnvSecret, "="), ffctest.FeatBitEnvSecret, wrongSecret, "token=", "Config.", "BaseURL", "EnvSecret", "\x1b"} {
		if strings.Contains(out.stdout+out.stderr, text) {
			t.Errorf("the output has %q:\n%s%s", text, out.stdout, out.stderr)
		}
	}
}

// bare runs a command with nothing around it.
func bare(t *testing.T, args ...string) outcome {
	t.Helper()
	return invocation{}.run(t, args...)
}

// at runs a command for the environment of a platform.
func at(t *testing.T, s *ffctest.Server, args ...string) outcome {
	t.Helper()
	return invocation{env: environmentOf(s)}.run(t, args...)
}

// noneConnected fails if a client stays connected.
func noneConnected(t *testing.T, s *ffctest.Server) {
	t.Helper()
	if err := s.WaitConnections(testkit.Within(t), 0); err != nil {
		t.Error(err)
	}
}

func environmentOf(s *ffctest.Server) map[string]string {
	return map[string]string{"FFC_ENV_SECRET": s.EnvSecret, "FFC_BASE_URL": s.URL}
}

// shop is an environment of two flags and a segment.
func shop() []ffctest.Item {
	return []ffctest.Item{
		ffctest.Flag("banner").Variations("none", "winter").Rule("winter", ffctest.InSegment("testers")),
		ffctest.Flag("checkout").Variations("red", "blue").Target("blue", "u1").Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE")),
		ffctest.Segment("testers").Include("tester-1"),
	}
}

// write writes a file for a test.
func write(t *testing.T, name string, data string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// is compares all of an outcome.
func (got outcome) is(t *testing.T, want outcome) {
	t.Helper()
	if got.code != want.code {
		t.Errorf("exit code %d, want %d", got.code, want.code)
	}
	if got.stdout != want.stdout {
		t.Errorf("stdout:\n%s\nwant:\n%s", got.stdout, want.stdout)
	}
	if got.stderr != want.stderr {
		t.Errorf("stderr:\n%s\nwant:\n%s", got.stderr, want.stderr)
	}
}

var times = regexp.MustCompile(`\d+(\.\d+)? m?s\)`)

// timeless replaces what differs from run to run.
func timeless(text string, s *ffctest.Server) string {
	text = times.ReplaceAllString(text, "N ms)")
	if s != nil {
		text = strings.ReplaceAll(text, strings.TrimPrefix(s.URL, "http://"), "HOST")
	}
	return text
}

// deadPort returns an address at which nothing listens.
func deadPort(t *testing.T) string {
	t.Helper()
	port, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	return port.Address
}

// silentPort returns an address that accepts connections and says nothing.
func silentPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	}()
	return l.Addr().String()
}
