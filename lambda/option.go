package lambda

import (
	"fmt"
	"time"
)

// Option configures Start and Wrap.
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

// BeforeResponse delivers events before the response is posted, instead of after
// it: the caller waits for the delivery, at most 2 s. It is for functions whose
// process ends with the response, and for callers that read the events at once. If
// the handler returns a stream, events are still delivered after the stream was
// posted.
func BeforeResponse() Option { return func(s *settings) { s.before = true } }

// Margin is the time between the end of each step and the deadline of the
// invocation. The default is 100 ms or 5 % of the remaining time, whichever is
// more. Margin panics if d is negative.
func Margin(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("lambda: Margin is %v: expected 0 or more", d))
	}
	return func(s *settings) { s.margin = d }
}

// FlushEvery collects the events of frequent invocations: they are delivered when
// the last delivery was at least d ago or at least n events are queued, instead of
// after each invocation. Choose n well below flush.Config.Capacity. If no
// invocation follows, [Start] delivers the queued events when Lambda ends the
// environment, within 300 ms. FlushEvery panics if d is negative or n is not above
// 0.
func FlushEvery(d time.Duration, n int) Option {
	if d < 0 || n <= 0 {
		panic(fmt.Sprintf("lambda: FlushEvery(%v, %d): expected a duration of 0 or more and a number above 0", d, n))
	}
	return func(s *settings) { s.every, s.events = d, uint64(n) }
}

// EscapeHTML replaces aws-lambda-go's WithSetEscapeHTML(true), which has no effect
// on the responses of a wrapped handler.
func EscapeHTML() Option { return func(s *settings) { s.escapeHTML = true } }

// Indent replaces aws-lambda-go's WithSetIndent, which has no effect on the
// responses of a wrapped handler.
func Indent(prefix, indent string) Option {
	return func(s *settings) { s.prefix, s.indent = prefix, indent }
}

// KeepProcess makes [Start] close the client on SIGTERM without exiting the
// process, until Lambda kills the process. It is for functions that handle SIGTERM
// themselves and need more time than the client's Close.
func KeepProcess() Option { return func(s *settings) { s.keep = true } }
