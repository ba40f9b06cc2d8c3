package transporttest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestKitAcceptsCorrectTransports runs all rules with transports that have no
// fault, with either clock.
func TestKitAcceptsCorrectTransports(t *testing.T) {
	t.Parallel()
	for _, onDemand := range []bool{false, true} {
		newSource := func(t testing.TB) Source { return newMemory(t).source(&reader{onDemand: onDemand}) }
		quick := func(t testing.TB) Source {
			return newMemory(t).source(&reader{onDemand: onDemand, pause: time.Millisecond})
		}
		t.Run(fmt.Sprintf("on demand %t, fake clock", onDemand), func(t *testing.T) { RunSynctest(t, newSource) })
		t.Run(fmt.Sprintf("on demand %t, real clock", onDemand), func(t *testing.T) { Run(t, quick) })
	}
	t.Run("FeatBit", func(t *testing.T) {
		RunSynctest(t, func(t testing.TB) Source {
			s := newMemory(t).source(&reader{})
			s.Env.Platform = "featbit"
			return s
		})
	})
}

// TestKitFindsFaults runs the rules with transports that have one fault each.
// Each fault is found by a rule, and each rule finds a fault.
func TestKitFindsFaults(t *testing.T) {
	t.Parallel()
	const either, onlyRunner, onlyRefresher = 0, 1, 2
	tests := []struct {
		fault string
		rule  string // that finds it
		text  string // of the report
		kind  int
	}{
		{"Open asks", "OpenStartsNothing", "Stats after Open", either},
		{"Open marks", "OpenStartsNothing", "Open called Mark", either},
		{"Open starts a goroutine", "OpenStartsNothing", "this still runs", either},
		{"no session", "OpenStartsNothing", "expected either a Runner or a Refresher", either},
		{"HoldFor is 0", "OpenStartsNothing", "HoldFor", onlyRunner},
		{"never applies", "LoadsAndConfirms", "", either},
		{"never confirms", "LoadsAndConfirms", "", either},
		{"confirms before Apply", "LoadsAndConfirms", "before the store had everything", either},
		{"confirms twice", "LoadsAndConfirms", "Confirm 2 times", onlyRefresher},
		{"changes HTTPClient", "LoadsAndConfirms", "Env.HTTPClient", either},
		{"logs the secret", "LoadsAndConfirms", "log contains the secret", either},
		{"invents marks", "LoadsAndConfirms", "Mark has not returned", either},
		{"asks once", "FollowsChanges", "not after", onlyRunner},
		{"one mark for all requests", "FollowsChanges", "take one for each request", either},
		{"reuses bytes", "FollowsChanges", "bytes of a message changed", either},
		{"marks late", "TakesMarkBeforeAsking", "before the request is sent", either},
		{"marks pushes", "PassesNoMarkWithPushes", "expected 0", onlyRunner},
		{"confirms held data", "WithholdsHeldData", "held back", either},
		{"confirms unusable data", "ReportsUnusableData", "before the store had everything", either},
		{"reports all as network errors", "ReportsUnusableData", "reports unusable data: not after", either},
		{"reports nothing", "StartsDuringOutage", "reports the outage", either},
		{"does not retry", "StartsDuringOutage", "Load did not retry", onlyRefresher},
		{"ends at the first failure", "StartsDuringOutage", "not after", onlyRunner},
		{"reports plain errors", "StartsDuringOutage", "expected a *transport.Error", either},
		{"reports errors without kind", "StartsDuringOutage", "without a Kind", either},
		{"reports the secret", "StartsDuringOutage", "error that contains the secret", either},
		{"gives up", "StartsDuringOutage", "", either},
		{"confirms during outages", "HealsAfterOutage", "during the outage", either},
		{"Stats counts no failure", "HealsAfterOutage", "no failure after an outage", either},
		{"retries when rejected", "StopsWhenRejected", "", either},
		{"reports Off twice", "StopsWhenRejected", "Off was called 2 times", either},
		{"calls after Off", "StopsWhenRejected", "came after Off", onlyRunner},
		{"returns nil after Off", "StopsWhenRejected", "got no error", onlyRefresher},
		{"Run does not return", "EndsWhileIdle", "Run, whose context has ended", onlyRunner},
		{"works after Close", "EndsWhileIdle", "after Close", onlyRefresher},
		{"Close cannot be repeated", "EndsWhileIdle", "Close: nothing after", onlyRefresher},
		{"reports its end as a failure", "EndsWhileAsking", "which is no failure", either},
		{"ignores contexts", "EndsWhileAsking", "nothing after", either},
		{"returns the secret", "EndsWhileAsking", "the error contains the secret", onlyRefresher},
		{"Close does not end calls", "EndsWhileAsking", "Close", onlyRefresher},
		{"leaves a goroutine", "IdlesBetweenCalls", "this still runs", onlyRefresher},
		{"leaves a goroutine", "EndsWhileIdle", "this still runs", onlyRunner},
		{"leaves a timer", "IdlesBetweenCalls", "the store was called", onlyRefresher},
		{"leaves a timer", "EndsWhileIdle", "the store was called", onlyRunner},
		{"Refresh has no budget", "BoundsRefresh", "Refresh, without a response", onlyRefresher},
		{"one session for all", "SharesNothing", "", either},
	}
	found := make(map[string]bool)
	for _, test := range tests {
		found[test.rule] = true
		for _, onDemand := range []bool{false, true} {
			if test.kind == onlyRunner && onDemand || test.kind == onlyRefresher && !onDemand {
				continue
			}
			t.Run(fmt.Sprintf("%s, on demand %t", test.fault, onDemand), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := &recorder{TB: t}
					r.check(test.rule, func(t testing.TB) Source {
						return newMemory(t).source(&reader{onDemand: onDemand, pause: time.Minute, fault: test.fault})
					})
					if !strings.Contains(r.text(), test.text) || len(r.reports) == 0 {
						t.Errorf("%s reported %q, expected %q", test.rule, r.reports, test.text)
					}
				})
			})
		}
	}
	for _, rule := range rules {
		if !found[rule.name] && rule.name != "AllowsConcurrentCalls" { // needs the race detector
			t.Errorf("no fault shows what %s finds", rule.name)
		}
	}
}

// TestRulesAreDocumented: the package's documentation explains each rule.
func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		if !strings.Contains(string(doc), rule.name) {
			t.Errorf("doc.go does not explain %s", rule.name)
		}
	}
}

// recorder is a testing.TB that records failures instead of failing.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	reports  []string
	cleanups []func()
}

// check checks a rule, as Run does.
func (r *recorder) check(name string, newSource func(testing.TB) Source) {
	i := slices.IndexFunc(rules, func(rule rule) bool { return rule.name == name })
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		check(r, rules[i], newSource, true)
	}()
	<-done
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.reports, "\n")
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
