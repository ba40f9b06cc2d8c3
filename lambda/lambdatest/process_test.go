//go:build unix

package lambdatest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// TestProcessIsStopped: a process is stopped while it waits for an invocation,
// and goes on for each.
func TestProcessIsStopped(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the state of a process is read from /proc")
	}
	tests := []struct {
		name    string
		env     string
		stopped bool
	}{
		{"one at a time", "AWS_LAMBDA_MAX_CONCURRENCY=1", true},
		{"several at a time", "AWS_LAMBDA_MAX_CONCURRENCY=3", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rt := newRuntime(t)
			cmd := lambdatest.Command("echo")
			cmd.Env = append(cmd.Env, test.env)
			if _, err := rt.StartProcess(cmd); err != nil {
				t.Fatal(err)
			}
			stopped := func() bool { return state(t, cmd.Process.Pid) == "T" }
			for i := range 3 {
				testkit.Eventually(t, "the process is stopped, or not", func() bool { return stopped() == test.stopped })
				inv := rt.Invoke(testkit.Within(t), fmt.Append(nil, i))
				if inv.Err != nil || string(inv.Response) != fmt.Sprint(i) {
					t.Fatalf("%s, %v", inv.Response, inv.Err)
				}
			}
			rt.Freeze()
			testkit.Eventually(t, "the process is frozen", stopped)
			call := rt.Begin([]byte(`4`))
			rt.Thaw()
			if inv := call.End(testkit.Within(t)); inv.Err != nil {
				t.Error(inv.Err)
			}
		})
	}
}

// state is the letter that Linux has for what a process does.
func state(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return fields[0]
}

// TestProcessTimesOut: a process that takes too long is killed, and another one
// can take its place.
func TestProcessTimesOut(t *testing.T) {
	t.Parallel()
	rt := newRuntime(t)
	rt.SetTimeout(50 * time.Millisecond)
	if _, err := rt.StartProcess(lambdatest.Command("sleep")); err != nil {
		t.Fatal(err)
	}
	if inv := rt.Invoke(testkit.Within(t), []byte(`1`)); inv.Err != lambdatest.ErrTimedOut || inv.End != lambdatest.TimedOut {
		t.Errorf("%v, %s", inv.Err, inv.End)
	}
	testkit.Eventually(t, "the process is gone", func() bool { return strings.HasSuffix(names(rt.Timeline()), "timeout exit") })
	rt.SetTimeout(time.Minute)
	if _, err := rt.StartProcess(lambdatest.Command("echo")); err != nil {
		t.Fatal(err)
	}
	if inv := rt.Invoke(testkit.Within(t), []byte(`2`)); inv.Err != nil {
		t.Error(inv.Err)
	}
}

// TestTerminate: SIGTERM reaches functions that have an extension, as those with
// WithEnableSIGTERM, also while they are stopped.
func TestTerminate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"term", "echo"} {
		rt := newRuntime(t)
		file := filepath.Join(t.TempDir(), "file")
		cmd := lambdatest.Command(name)
		cmd.Env = append(cmd.Env, "TEST_FILE="+file)
		process, err := rt.StartProcess(cmd)
		if err != nil {
			t.Fatal(err)
		}
		rt.Invoke(testkit.Within(t), []byte(`1`))
		process.Terminate()
		content, _ := os.ReadFile(file)
		if got := string(content) == "SIGTERM"; got != (name == "term") {
			t.Errorf("%s: SIGTERM arrived: %v", name, got)
		}
		if got := names(rt.Timeline()); got != "start next invoke response next terminate exit" {
			t.Errorf("%s: order is %s", name, got)
		}
		if inv := rt.Invoke(testkit.Within(t), []byte(`1`)); inv.Err != lambdatest.ErrExited {
			t.Errorf("%s: afterwards: %v", name, inv.Err)
		}
	}
}

// TestProcessFails: programs that cannot be started, or are no functions.
func TestProcessFails(t *testing.T) {
	t.Parallel()
	rt := newRuntime(t)
	if _, err := rt.StartProcess(exec.Command(filepath.Join(t.TempDir(), "nothing"))); err == nil {
		t.Error("a missing program was started")
	}
	if _, err := rt.StartProcess(lambdatest.Command("unknown")); err != nil {
		t.Fatal(err)
	}
	if inv := rt.Invoke(testkit.Within(t), []byte(`1`)); inv.Err != lambdatest.ErrExited {
		t.Errorf("a function that is not known: %v", inv.Err)
	}
	if _, err := rt.StartProcess(lambdatest.Command("echo")); err != nil {
		t.Fatal(err)
	}
	if _, err := rt.StartProcess(lambdatest.Command("echo")); err == nil {
		t.Error("a second function was started")
	}
}
