// Package leak finds what tests leave behind.
package leak

import (
	"runtime"
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
