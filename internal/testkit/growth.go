// Package testkit has helpers that tests of several packages share.
package testkit

import (
	"testing"
	"time"
)

const (
	// growth is by how much Linear enlarges the work.
	growth = 8
	// maxGrowth is how many times the time of the smaller work the larger work
	// may take. Quadratic work takes growth*growth times.
	maxGrowth = 3 * growth
	attempts  = 6
)

// Linear fails the test if run takes more than linear time in n. It compares the
// times of n and 8n and no times with a clock, and passes if one of several
// comparisons is fine, as a busy machine can spoil any of them. n should be large
// enough for run to take a millisecond.
func Linear(t testing.TB, n int, run func(n int)) {
	t.Helper()
	took := func(n int) time.Duration {
		start := time.Now()
		run(n)
		return time.Since(start)
	}
	var small, large time.Duration
	for range attempts {
		small, large = took(n), took(growth*n)
		if large <= maxGrowth*small {
			return
		}
	}
	t.Errorf("the time grows from %v to %v when the size grows from %d to %d", small, large, n, growth*n)
}
