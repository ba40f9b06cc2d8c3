package lambda

import (
	"fmt"
	"time"
)

// Option changes how invocations are served.
type Option func(*settings)

type settings struct {
	before         bool
	margin         time.Duration // negative is the default
	every          time.Duration
	events         uint64
	escapeHTML     bool
	prefix, indent string
	keep           bool
}

// BeforeResponse delivers events before the response is posted, rather than
// after: the caller waits for that, at most 2 s. It is for functions whose
// process does not outlive the response, and for callers that look at the
// events right away. Where the handler returns a stream, events leave when that
// has been posted all the same.
func BeforeResponse() Option { return func(s *settings) { s.before = true } }

// Margin is how much time each step leaves before the deadline of the
// invocation, instead of 100 ms or 5 % of the time left. It panics when d is
// negative.
func Margin(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("lambda: Margin is %v: expected 0 or more", d))
	}
	return func(s *settings) { s.margin = d }
}

// FlushEvery lets the events of dense invocations gather: they are delivered
// when the last delivery was at least d ago or when at least n wait, rather
// than after each invocation. Choose n well below flush.Config.Capacity. Events
// that wait when no invocation follows leave when Lambda ends the environment,
// if [Start] was used, in the 300 ms that there are then. FlushEvery panics when
// d is negative or n is not above 0.
func FlushEvery(d time.Duration, n int) Option {
	if d < 0 || n <= 0 {
		panic(fmt.Sprintf("lambda: FlushEvery(%v, %d): expected a duration of 0 or more and a number above 0", d, n))
	}
	return func(s *settings) { s.every, s.events = d, uint64(n) }
}

// EscapeHTML is aws-lambda-go's WithSetEscapeHTML(true), which does not reach
// the responses of a wrapped handler.
func EscapeHTML() Option { return func(s *settings) { s.escapeHTML = true } }

// Indent is aws-lambda-go's WithSetIndent, which does not reach the responses of
// a wrapped handler.
func Indent(prefix, indent string) Option {
	return func(s *settings) { s.prefix, s.indent = prefix, indent }
}

// KeepProcess keeps the process of [Start] after SIGTERM, until Lambda kills it.
// It is for functions that handle SIGTERM themselves and need more time than
// Close of the client.
func KeepProcess() Option { return func(s *settings) { s.keep = true } }
