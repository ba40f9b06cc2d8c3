//go:build unix

package lambda_test

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// startOn runs one of functions in a process, on a platform of its own.
func startOn(t *testing.T, p ffctest.Platform, name string, env ...string) (*ffctest.Server, *lambdatest.Runtime, *lambdatest.Process) {
	t.Helper()
	platform, rt, process, _ := startCommand(t, p, name, env...)
	return platform, rt, process
}

// startCommand is startOn, and returns the command as well.
func startCommand(t testing.TB, p ffctest.Platform, name string, env ...string) (*ffctest.Server, *lambdatest.Runtime, *lambdatest.Process, *exec.Cmd) {
	t.Helper()
	platform := p.NewServer(p.Snapshot(ffctest.Flag("a").Variations("on", "off")))
	t.Cleanup(platform.Close)
	rt := lambdatest.NewRuntime()
	t.Cleanup(rt.Close)
	cmd := lambdatest.Command(name)
	// A data race ends the process, and invocations with it. The race detector
	// would sleep for 1 s on exit, which is longer than Lambda waits.
	cmd.Env = append(append(cmd.Env, "TEST_PLATFORM="+platform.URL, "TEST_SECRET="+platform.EnvSecret, "GORACE=halt_on_error=1 atexit_sleep_ms=0"), env...)
	process, err := rt.StartProcess(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return platform, rt, process, cmd
}

// TestFreeze: events leave before the process is frozen.
func TestFreeze(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testFreeze)
}

func testFreeze(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	platform, rt, _ := startOn(t, p, "evaluate")
	for i := range 3 {
		inv := rt.Invoke(testkit.Within(t), fmt.Appendf(nil, `"u%d"`, i))
		if inv.Err != nil || string(inv.Response) != `"on"` {
			t.Fatalf("response %s, error %v", inv.Response, inv.Err)
		}
		if n := len(platform.Events()); n != i+1 {
			t.Errorf("%d events left before the freeze, want %d", n, i+1)
		}
	}
}

// TestTermination: Start delivers what is queued when the environment ends.
func TestTermination(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testTermination)
}

func testTermination(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	for name, want := range map[string]int{"gather": 5, "gather, killed": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform, rt, process := startOn(t, p, name)
			for i := range 5 {
				if inv := rt.Invoke(testkit.Within(t), fmt.Appendf(nil, `"u%d"`, i)); inv.Err != nil {
					t.Fatal(inv.Err)
				}
			}
			if n := len(platform.Events()); n != 1 { // those of the first invocation
				t.Errorf("%d events arrived before the end, want 1", n)
			}
			process.Terminate()
			if n := len(platform.Events()); n != want {
				t.Errorf("%d events arrived, want %d", n, want)
			}
		})
	}
}

// TestTerminationEndsTheProcess: after SIGTERM the process exits by itself, so
// that the platform need not send SIGKILL, unless KeepProcess says otherwise.
func TestTerminationEndsTheProcess(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int{"gather": 0, "gather, keep": -1, "gather, killed": -1} { // -1 is SIGKILL
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rt, process, cmd := startCommand(t, ffctest.Classic, name)
			if inv := rt.Invoke(testkit.Within(t), []byte(`"u"`)); inv.Err != nil {
				t.Fatal(inv.Err)
			}
			process.Terminate()
			if got := cmd.ProcessState.ExitCode(); got != code {
				t.Errorf("the process ended with %v, want exit code %d", cmd.ProcessState, code)
			}
		})
	}
}

// TestTerminationLetsInvocationsEnd: an invocation that is under way when SIGTERM
// comes has its response, and then the process exits.
func TestTerminationLetsInvocationsEnd(t *testing.T) {
	t.Parallel()
	platform, rt, process, cmd := startCommand(t, ffctest.Classic, "slow")
	call := rt.Begin([]byte(`"u"`))
	if _, err := platform.WaitRequests(testkit.Within(t), ffctest.Polling, 1); err != nil {
		t.Fatal(err)
	}
	process.Terminate()
	if inv := call.Answer(testkit.Within(t)); inv.Err != nil || cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("response %s, error %v, %v", inv.Response, inv.Err, cmd.ProcessState)
	}
}

// TestTimeout: a handler that takes too long is what it is without Wrap, but for
// the events of the invocation, which are delivered before the process exits.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"asleep": "invoke timeout terminate exit", "stuck": "invoke timeout terminate exit", "asleep, plain": "invoke timeout"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform, rt, process, cmd := startCommand(t, ffctest.Classic, name)
			// Less the margin, that is the time in which a new process loads its data
			// and records the event, on a machine that may be busy with other tests.
			rt.SetTimeout(time.Second)
			inv := rt.Invoke(testkit.Within(t), []byte(`"u"`))
			if inv.Err != lambdatest.ErrTimedOut || inv.End != lambdatest.TimedOut || names(inv.Timeline) != want {
				t.Errorf("%v, %s, %s", inv.Err, inv.End, names(inv.Timeline))
			}
			process.Kill() // waits for the end
			if code := cmd.ProcessState.ExitCode(); name != "asleep, plain" && code != 0 {
				t.Errorf("the process ended with %v", cmd.ProcessState)
			}
			if n := len(platform.Events()); name == "stuck" && n != 1 {
				t.Errorf("%d events arrived, want 1", n)
			}
		})
	}
}

// TestConcurrency: 16 invocations at a time cause one refresh, and no event is
// left behind.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testConcurrency)
}

func testConcurrency(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	platform, rt, _ := startOn(t, p, "together", "AWS_LAMBDA_MAX_CONCURRENCY=16")
	const rounds, at = 20, 16
	for round := range rounds {
		var calls []*lambdatest.Call
		for i := range at {
			calls = append(calls, rt.Begin(fmt.Appendf(nil, `"u%d-%d"`, round, i)))
		}
		for _, call := range calls {
			if inv := call.End(testkit.Within(t)); inv.Err != nil || string(inv.Response) != `"on"` {
				t.Fatalf("response %s, error %v", inv.Response, inv.Err)
			}
		}
		if n := len(platform.Events()); n != at*(round+1) {
			t.Fatalf("%d events arrived, want %d", n, at*(round+1))
		}
	}
	if n := len(platform.Requests(ffctest.Polling)); n != 1 {
		t.Errorf("%d requests for data, want 1", n)
	}
	users := make(map[string]bool)
	for _, e := range platform.Events() {
		users[e.UserKey] = true
	}
	if len(users) != rounds*at {
		t.Errorf("events of %d users arrived, want %d", len(users), rounds*at)
	}
}
