package testkit

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// limit is how long a test waits, by the clock, for what it expects. Machines
// are busy.
const limit = 20 * time.Second

// Within returns a context that ends after 20 s, or with the test.
func Within(t testing.TB) context.Context {
	t.Helper()
	return Timeout(t, limit)
}

// Timeout returns a context that ends after d, or with the test.
func Timeout(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until a condition holds, and fails the test with all stacks
// if it does not hold within 20 s. It is for conditions that cannot be waited
// for in another way.
func Eventually(t testing.TB, condition string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in %v: %s\n%s", limit, condition, stacks())
		}
	}
}

// stacks returns the stacks of all goroutines.
func stacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}

// Bubble runs a test on a fake clock, in parallel with others.
func Bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}
