package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestMain runs the program instead of the tests in a child process of theirs.
func TestMain(m *testing.M) {
	if os.Getenv("CLOUDRUN_CHILD") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program returns the program as a child process with these settings.
func program(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGTERM")
	}
	cmd := exec.CommandContext(within(t), os.Args[0])
	cmd.Env = append(os.Environ(), "CLOUDRUN_CHILD=1", "FFC_ENV_SECRET=", "PORT=0")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// child is the program, listening.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr io.Reader
	url    string
}

// start starts the program with a platform and waits until it listens.
func start(t *testing.T, platform *ffctest.Server) *child {
	t.Helper()
	cmd := program(t, "FFC_ENV_SECRET="+platform.EnvSecret, "FFC_BASE_URL="+platform.URL)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "listening address="); ok {
			_, port, _ := net.SplitHostPort(strings.Trim(address, `"`))
			return &child{t: t, cmd: cmd, stderr: stderr, url: "http://127.0.0.1:" + port}
		}
	}
	t.Fatal("the program does not listen")
	return nil
}

func (c *child) terminate() {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
}

// wait waits for the end of the program, which must be a good one.
func (c *child) wait() {
	c.t.Helper()
	_, _ = io.Copy(io.Discard, c.stderr)
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("the program ended with %v", err)
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func body(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestDemonstration is what go run ./examples/cloudrun does.
func TestDemonstration(t *testing.T) {
	t.Parallel()
	out, err := program(t).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/ann: the winter banner", "/bob: the summer banner", "/bob: the winter banner", "received 3 events"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestSIGTERM: a request that is under way when the signal comes gets its
// answer, its events arrive, and the exit code is 0.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("banner").Variations("summer", "winter")))
	defer platform.Close()
	platform.RejectUpgrade(http.StatusServiceUnavailable)
	server := start(t, platform)
	platform.RejectUpgrade(0)
	resume := platform.Stall(ffctest.Streaming)

	// After the pause that follows a failure, a request waits for data.
	tried := len(platform.Requests(ffctest.Streaming))
	requests, answer := 0, make(chan string, 1)
	for waits := false; !waits; {
		requests++
		go func() { answer <- body(t, server.url+"/ann") }()
		select {
		case got := <-answer:
			if got != "the summer banner for ann" {
				t.Fatalf("got %q", got)
			}
		case <-time.After(100 * time.Millisecond):
			waits = len(platform.Requests(ffctest.Streaming)) > tried
			if !waits {
				<-answer
			}
		}
	}
	server.terminate()
	for refuses := false; !refuses; { // until it has begun to end
		conn, err := new(net.Dialer).DialContext(within(t), "tcp", strings.TrimPrefix(server.url, "http://"))
		if refuses = err != nil; !refuses {
			_ = conn.Close()
		}
	}
	resume()
	if got := <-answer; got != "the summer banner for ann" {
		t.Errorf("got %q", got)
	}
	server.wait()
	if n := len(platform.Events()); n != requests {
		t.Errorf("the platform received %d events of %d requests", n, requests)
	}
}

// TestAnySecret: the documented deployment starts with anybody's secret, of
// either platform, although the embedded snapshot is of another environment.
func TestAnySecret(t *testing.T) {
	t.Parallel()
	for _, p := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			own := p.Snapshot(ffctest.Flag("banner").Variations("own", "x"))
			own = bytes.ReplaceAll(own, []byte("FF__11__22__33__"), []byte("FF__7__8__9__"))
			platform := p.NewServer(own)
			defer platform.Close()
			server := start(t, platform)
			if got := body(t, server.url+"/ann"); got != "the own banner for ann" {
				t.Errorf("got %q", got)
			}
			server.terminate()
			server.wait()
		})
	}
}

// TestLastEvents: the events of the last request leave when the server ends.
func TestLastEvents(t *testing.T) {
	t.Parallel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("banner").Variations("summer", "winter")))
	defer platform.Close()
	server := start(t, platform)
	if got := body(t, server.url+"/ann"); got != "the summer banner for ann" {
		t.Errorf("got %q", got)
	}
	if n := len(platform.Events()); n != 0 {
		t.Errorf("%d events arrived before the end", n)
	}
	server.terminate()
	server.wait()
	if n := len(platform.Events()); n != 1 {
		t.Errorf("%d events arrived, want 1", n)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	platform := ffctest.NewServer(nil)
	t.Cleanup(platform.Close)
	for name, env := range map[string][]string{
		"wrong secret": {"FFC_ENV_SECRET=wrong"},
		"port taken":   {"FFC_ENV_SECRET=" + platform.EnvSecret, "FFC_BASE_URL=" + platform.URL, "PORT=" + port},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var exit *exec.ExitError
			if err := program(t, env...).Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("got %v, want exit status 1", err)
			}
		})
	}
}

// TestSnapshot: an instance that cannot reach the platform answers from the
// embedded snapshot.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	platform := ffctest.NewServer(nil)
	defer platform.Close()
	platform.RejectUpgrade(http.StatusServiceUnavailable)
	server := start(t, platform)
	if got := body(t, server.url+"/ann"); got != "the summer banner for ann" {
		t.Errorf("got %q", got)
	}
	server.terminate()
	server.wait()
}
