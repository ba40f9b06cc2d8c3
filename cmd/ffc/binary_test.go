package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestBinary runs the program itself: what it does with its environment,
// signals and exit code.
func TestBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	program := testkit.Program(t, ".")
	command := func(env []string, args ...string) (*exec.Cmd, func() outcome) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = append(os.Environ(), env...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, func() outcome {
			var exit *exec.ExitError
			if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			out := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
			checkDiscretion(t, out)
			return out
		}
	}
	of := func(s *ffctest.Server) []string {
		return []string{"FFC_ENV_SECRET=" + s.EnvSecret, "FFC_BASE_URL=" + s.URL}
	}
	s := platforms.NewServer(t, ffctest.Classic, shop()...)

	_, result := command(nil, "help")
	result().is(t, outcome{stdout: wantOverview})
	_, result = command(nil, "snapshto")
	if out := result(); out.code != cli.ExitUsage || out.stdout != "" {
		t.Errorf("%+v", out)
	}
	_, result = command(of(s), "doctor")
	out := result()
	out.stdout = timeless(out.stdout, s)
	if proxied := strings.Contains(out.stdout, "_proxy=") || strings.Contains(out.stdout, "_PROXY="); !proxied {
		out.is(t, outcome{stdout: wantHealthyClassic})
	}
	_, result = command(of(s), "snapshot")
	file := write(t, "flags.json", result().stdout)
	_, result = command(nil, "eval", "-file", file, "-user", "tester-1", "-all")
	result().is(t, outcome{stdout: "FLAG      VALUE   REASON\nbanner    winter  rule match\ncheckout  red     fall through all rules\n"})

	if runtime.GOOS == "windows" {
		return // there are no signals
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd, result := command([]string{"FFC_ENV_SECRET=" + s.EnvSecret, "FFC_BASE_URL=http://" + l.Addr().String()}, "snapshot", "-timeout", "1m")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	result().is(t, outcome{code: cli.ExitInterrupted})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to end", took)
	}
}
