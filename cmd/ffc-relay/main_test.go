package main

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestMain runs the program instead of the tests in a child process of theirs.
func TestMain(m *testing.M) {
	if os.Getenv("FFCRELAY_CHILD") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The first signal drains. A second one ends the program at once, however long the drain
// takes.
func TestSecondSignalEndsDraining(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGTERM")
	}
	w := newWorld(t)
	w.serving()
	cmd := exec.CommandContext(testkit.Within(t), os.Args[0], "serve")
	cmd.Env = append(os.Environ(), append(w.app.environ, "FFC_RELAY_DRAIN_WAIT=1h", "FFCRELAY_CHILD=1")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	draining := false
	lines := bufio.NewScanner(stderr)
	for !draining && lines.Scan() {
		if strings.Contains(lines.Text(), "ffc: started") {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		draining = strings.Contains(lines.Text(), "ffc: draining")
	}
	if !draining {
		t.Fatalf("the program does not drain: %v", cmd.Wait())
	}
	go func() { ended <- cmd.Wait() }()
	testkit.Eventually(t, "ended", func() bool {
		_ = cmd.Process.Signal(syscall.SIGTERM) // a signal may come before the default handling is restored
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	})
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("the program ended with %v, want by SIGTERM", err)
	}
}
