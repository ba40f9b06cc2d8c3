// Package testkit has helpers that tests of several packages share.
package testkit

import (
	"runtime"
	"testing"
	"time"
)

const (
	// growth is by how much Linear enlarges the work.
	growth = 8
	// maxGrowth is how many times the time of the smaller work the larger work
	// may take. Quadratic work takes growth*growth times.
	maxGrowth = 3 * growth
	attempts  = 8
)

// Linear fails the test if run takes more than linear time in n. It compares the
// least times of n and 8n, of the processor where it can, and no time with a
// clock. n should be large enough for run to take a millisecond.
func Linear(t testing.TB, n int, run func(n int)) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	least := func(n int, before time.Duration) time.Duration {
		start := threadTime()
		run(n)
		if took := threadTime() - start; before == 0 || took < before {
			return took
		}
		return before
	}
	var small, large time.Duration
	for range attempts {
		small, large = least(n, small), least(growth*n, large)
		if large <= maxGrowth*small {
			return
		}
	}
	t.Errorf("the time grows from %v to %v when the size grows from %d to %d", small, large, n, growth*n)
}
