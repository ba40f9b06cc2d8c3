package eval

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

const (
	// maxBacktrackText is the maximum number of characters of a text for the
	// second engine: users choose texts, and backtracking takes time.
	maxBacktrackText = 1024
	// matchTimeout ends a match. The engine's clock ticks every 100 ms, so a
	// match ends within 250 ms.
	matchTimeout = 50 * time.Millisecond
	// A pattern that timed out maxTimeouts times in timeoutWindow is not tried
	// for timeoutWindow.
	maxTimeouts   = 3
	timeoutWindow = time.Minute
	// A timeout after less than earlyTimeout, or more than lateTimeout, is not
	// caused by the pattern.
	earlyTimeout = matchTimeout / 2
	lateTimeout  = 300 * time.Millisecond
	// The stacks of a match that took longer than slowMatch may be large, and
	// are not kept.
	slowMatch = 2 * time.Millisecond
)

var (
	errBacktrackText = fmt.Errorf("a regular expression that has to backtrack was matched against a text of more than %d characters", maxBacktrackText)
	errPaused        = fmt.Errorf("a regular expression timed out (%v) %d times in a minute: it is not tried for a minute", matchTimeout, maxTimeouts)
	errMatchTimeout  = fmt.Errorf("a regular expression took more than %v: it is not tried for a minute after %d times in a minute", matchTimeout, maxTimeouts)
)

// backtracker is a pattern of the second engine, which is .NET's.
type backtracker struct {
	// refused is the reason why the pattern is never tried; nil if there is
	// none.
	refused error
	// engine runs matches. It keeps the stacks they grew.
	engine atomic.Pointer[regexp2.Regexp]
	// unused has never run a match, so copies of it have no stacks.
	unused regexp2.Regexp
	// until is the time from which on the pattern may be tried again; nil means
	// now.
	until atomic.Pointer[time.Time]

	mu       sync.Mutex
	timeouts []time.Time // the last ones, fewer than maxTimeouts
}

func (o *patternOwner) compileBacktracker(expression string) (*backtracker, error) {
	size := backtrackerSize + backtrackerByte*len(expression)
	if size > o.left {
		return nil, errPatternBudget
	}
	o.left -= size
	engine, err := regexp2.Compile(expression, regexp2.None)
	if err != nil {
		return nil, patternError(err)
	}
	if err := checkStacks(expression); err != nil {
		return nil, err
	}
	engine.MatchTimeout = matchTimeout
	b := &backtracker{unused: *engine}
	b.engine.Store(engine)
	return b, nil
}

// withoutVerbs returns an error format of the engine without the verbs, with
// which the engine quotes parts of the pattern.
func withoutVerbs(format string) string {
	return strings.NewReplacer("%v", "…", "%c", "…").Replace(format)
}

// match reports whether the pattern is found in s. The error is errBacktrackText,
// errMatchTimeout or, if the pattern is not tried, b.refused or errPaused.
func (b *backtracker) match(s string) (bool, error) {
	if b.refused != nil {
		return false, b.refused
	}
	if len(s) > maxBacktrackText && utf8.RuneCountInString(s) > maxBacktrackText {
		return false, errBacktrackText
	}
	if until := b.until.Load(); until != nil && time.Now().Before(*until) {
		return false, errPaused
	}
	return b.attempt(s, b.run)
}

// attempt calls run, which matches s, and calls it once more if the engine's
// clock has jumped. A slow match ends between 50 and 250 ms after it began.
// After a freeze the clock ends matches that have just begun, and a match that
// was frozen, or that had no processor, looks slower than that.
func (b *backtracker) attempt(s string, run func(string) (bool, time.Duration, error)) (bool, error) {
	matched, took, err := run(s)
	if err != nil && err != errEngine && (took < earlyTimeout || took > lateTimeout) {
		matched, took, err = run(s)
	}
	if err != nil || took > slowMatch {
		engine := b.unused
		b.engine.Store(&engine)
	}
	if err != nil {
		b.timedOut()
		return false, errMatchTimeout
	}
	return matched, nil
}

// errEngine is the error for a panic of the engine. It does not quote the
// panic's text.
var errEngine = errors.New("the engine panicked")

func (b *backtracker) run(s string) (matched bool, took time.Duration, err error) {
	start := time.Now()
	defer func() {
		if recover() != nil {
			err = errEngine
		}
		took = time.Since(start)
	}()
	matched, err = b.engine.Load().MatchString(s)
	return matched, took, err
}

func (b *backtracker) timedOut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if len(b.timeouts) == maxTimeouts-1 {
		if now.Sub(b.timeouts[0]) < timeoutWindow {
			until := now.Add(timeoutWindow)
			b.until.Store(&until)
			b.timeouts = nil
			return
		}
		b.timeouts = b.timeouts[1:]
	}
	b.timeouts = append(b.timeouts, now)
}
