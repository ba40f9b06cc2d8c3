// Package leak finds what tests leave behind.
package leak

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines have to end: those of connections take a
// moment, and machines are busy.
const patience = 10 * time.Second

// Goroutines waits until there are no more goroutines than there were before,
// and shows them all if that does not come to pass. Tests that use it cannot
// run in parallel with others.
func Goroutines(t testing.TB, before int) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for runtime.NumGoroutine() > before {
		select {
		case <-look.C:
		case <-deadline:
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// module is in the frames of goroutines that run code of the SDK.
const module = "github.com/feature-flags-co/ffc-server-go-sdk/"

// notOurs are in the stacks of goroutines that are not a client's: those of
// net/http for connections, idle ones included, of servers, and of tests.
var notOurs = []string{
	"net/http.(*persistConn).", "net/http.(*http2clientConnReadLoop).", "net/http.(*conn).serve(", "net/http.(*http2serverConn).",
	"testing.tRunner(", "testing.(*M).", "/ffctest.", "/faults.", "/lambdatest.",
}

// Work waits until no goroutine runs code of the SDK but those of net/http that
// belong to a connection. Tests that use it cannot run in parallel with others.
func Work(t testing.TB) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for {
		working := work()
		if working == "" {
			return
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("this still runs:\n%s", working)
		}
	}
}

// work returns the stack of a goroutine that works for a client, if there is one.
func work() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, module) && !slices.ContainsFunc(notOurs, func(s string) bool { return strings.Contains(stack, s) }) {
			return stack
		}
	}
	return ""
}
