//go:build linux

package poll_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	frozenURL = "FFC_TEST_FROZEN_URL" // tells a process that it is the one to be frozen
	// frozenTimeout is the longest of its timeouts, freeze how long it is
	// frozen. No clock can be faked across processes.
	frozenTimeout = 500 * ms
	freeze        = 600 * ms
)

// TestFrozenProcess is the process that TestFreeze freezes. For each line
// "refresh", or "hurry" for one without time to wait, it writes a line with
// what became of it and the value of a flag.
func TestFrozenProcess(t *testing.T) {
	url := os.Getenv(frozenURL)
	if url == "" {
		t.Skip("is run by TestFreeze")
	}
	client := newClient(t, url, &poll.Transport{MaxAge: 200 * ms, Timeout: frozenTimeout, FirstRetry: ms, MaxRetry: ms}, nil)
	report := func(err error) {
		value := client.Variation(t.Context(), "f", ffc.NewUser("u"), "none")
		fmt.Printf("frozen: %t %s\n", err == nil, value)
	}
	report(nil)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if lines.Text() == "hurry" {
			ctx, cancel = context.WithTimeout(ctx, ms)
		}
		report(client.Refresh(ctx))
		cancel()
	}
}

// child is a process that runs TestFrozenProcess.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

func startChild(t *testing.T, url string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Not the test's own context, which ends before the process is told to.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	c := &child{t: t, cmd: exec.CommandContext(ctx, exe, "-test.run=^TestFrozenProcess$")}
	c.cmd.Env = append(os.Environ(), frozenURL+"="+url)
	c.stdin, err = c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(stdout)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		_ = c.stdin.Close()
		for c.lines.Scan() { // to the end
		}
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("the process ended with %v", err)
		}
	})
	return c
}

// say writes a line.
func (c *child) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.stdin, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// expect waits for what the process reports next.
func (c *child) expect(want string) {
	c.t.Helper()
	for c.lines.Scan() {
		if got, ok := strings.CutPrefix(c.lines.Text(), "frozen: "); ok {
			if got != want {
				c.t.Errorf("the process reports %q, want %q", got, want)
			}
			return
		}
	}
	c.t.Fatalf("the process has ended: %v", c.lines.Err())
}

// freeze stops the process, for longer than its timeouts, while f does
// something.
func (c *child) freeze(f func()) {
	c.t.Helper()
	c.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		c.t.Fatalf("the process did not stop: %v, %v", status, err)
	}
	f()
	<-time.After(freeze)
	c.signal(syscall.SIGCONT)
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// A process that is frozen for longer than every timeout goes on with current
// data, whatever it was doing: nothing, or waiting for an answer that never
// comes.
func TestFreeze(t *testing.T) {
	t.Parallel()
	flag := ffctest.Flag("f").Variations("first", "second", "third", "fourth").Serve("first")
	server := newServer(t, flag)
	c := startChild(t, server.URL)
	c.expect("true first")

	c.freeze(func() { server.Put(flag.Serve("second")) })
	c.say("refresh")
	c.expect("true second")

	before := len(server.Requests(ffctest.Polling))
	c.freeze(func() {}) // the data is old now
	resume := server.Stall(ffctest.Polling)
	c.say("hurry")
	c.expect("false second")
	if _, err := server.WaitRequests(testkit.Within(t), ffctest.Polling, before+1); err != nil {
		t.Fatal(err)
	}
	c.freeze(func() {
		server.Put(flag.Serve("third"))
		server.FailNext(ffctest.Polling, 1, ffctest.Failure{Reset: true})
		resume()
		server.Put(flag.Serve("fourth"))
	})
	c.say("refresh")
	c.expect("true fourth")
	if n := len(server.Requests(ffctest.Polling)) - before; n < 2 || n > 3 {
		t.Errorf("%d requests, want the one that was lost, perhaps again over a new connection, and another", n)
	}
}
