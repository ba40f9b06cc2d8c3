package testkit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// GoroutinesEnd waits until there are no more goroutines than there were before,
// and fails the test with all stacks if there are more after 20 s. Tests that
// use it cannot run in parallel with others.
func GoroutinesEnd(t testing.TB, before int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("at most %d goroutines", before), func() bool { return runtime.NumGoroutine() <= before })
}

// calls counts calls of LeavesNoGoroutine, so that each has a label of its own.
var calls atomic.Int64

// LeavesNoGoroutine calls f and waits until all goroutines that it started, directly or
// not, have ended. It fails the test with all stacks if one has not after 20 s. Tests
// that use it can run in parallel with others: goroutines inherit the label of f.
func LeavesNoGoroutine(t testing.TB, f func()) {
	t.Helper()
	label := "call " + strconv.FormatInt(calls.Add(1), 10)
	pprof.Do(t.Context(), pprof.Labels("testkit", label), func(context.Context) { f() })
	label = strconv.Quote(label)
	Eventually(t, "no goroutine of "+label, func() bool {
		var stacks bytes.Buffer
		err := pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		return err == nil && !strings.Contains(stacks.String(), label)
	})
}

// Resources counts what a test uses and has to give back.
type Resources struct{ goroutines, files int }

// Used returns the numbers of goroutines and, on Linux, of open descriptors.
func Used() (r Resources) {
	r.goroutines = runtime.NumGoroutine()
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		r.files = len(open)
	}
	return r
}

// Returned waits until no more is used than there was, and fails the test with
// all stacks if there is more after 20 s. Tests that use it cannot run in
// parallel with others.
func (r Resources) Returned(t testing.TB) {
	t.Helper()
	Eventually(t, fmt.Sprintf("at most %d goroutines and %d open files", r.goroutines, r.files), func() bool {
		now := Used()
		return now.goroutines <= r.goroutines && now.files <= r.files
	})
}

// module is in the frames of goroutines that run code of the SDK.
const module = "github.com/feature-flags-co/ffc-server-go-sdk/"

// others are in the stacks of goroutines that are not a client's: those of
// net/http for connections, idle ones included, of servers, and of tests.
var others = []string{
	"net/http.(*persistConn).", "net/http.(*http2clientConnReadLoop).", "net/http.(*conn).serve(", "net/http.(*http2serverConn).",
	"testing.tRunner(", "testing.(*M).", "/ffctest.", "/faults.", "/lambdatest.",
}

// WorkEnds waits until no goroutine runs code of the SDK, but for those of net/http
// that belong to a connection. It fails the test if one still does after 20 s.
// Tests that use it cannot run in parallel with others.
func WorkEnds(t testing.TB) {
	t.Helper()
	Eventually(t, "no goroutine works for a client", func() bool { return !working() })
}

// working reports whether a goroutine works for a client.
func working() bool {
	for stack := range strings.SplitSeq(string(stacks()), "\n\n") {
		if strings.Contains(stack, module) && !slices.ContainsFunc(others, func(s string) bool { return strings.Contains(stack, s) }) {
			return true
		}
	}
	return false
}
