package lambdatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Errors of invocations.
var (
	// ErrTimedOut: the function posted no response before the deadline.
	ErrTimedOut = errors.New("lambdatest: the function has timed out")
	// ErrExited: the function exited without a response, or is not running.
	ErrExited = errors.New("lambdatest: the function has exited")
)

// Invocation is the outcome of an invocation.
type Invocation struct {
	RequestID string
	Deadline  time.Time
	// Response is the response that the function posted, nil without one.
	// ContentType is the content type of the response or error.
	Response    []byte
	ContentType string
	// Err is the error that the caller gets instead of a response, or after a
	// part of it: a *FunctionError, ErrTimedOut or ErrExited. It is the context's
	// error if the context of the call ended first.
	Err error
	// End is how the invocation ended; "" if it has not ended. A function can
	// post a response and still time out or exit.
	End End
	// Timeline has the entries since the function got the invocation.
	Timeline []Entry
}

// End is how an invocation ends.
type End string

// The ends.
const (
	Completed End = "completed" // the function requested the next invocation
	TimedOut  End = "timed out" // it did not do so before the deadline
	Exited    End = "exited"    // the function exited
)

// FunctionError is an error that a function posted.
type FunctionError struct {
	Type       string          `json:"errorType"`
	Message    string          `json:"errorMessage"`
	StackTrace json.RawMessage `json:"stackTrace"`
	// Payload is the error as it was posted.
	Payload []byte `json:"-"`
}

// Error implements error.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Call is an invocation that may be under way.
type Call struct {
	rt      *Runtime
	payload []byte
	// The rest is guarded by the runtime's lock.
	inv      Invocation
	from     int // index of the first entry of its timeline
	timer    *time.Timer
	posted   bool          // the function has posted a response or error
	late     bool          // the deadline has passed
	isAnswer chan struct{} // closed when the caller has a response or error
	isOver   chan struct{} // closed when the invocation is over
}

// Invoke is Begin followed by End.
func (rt *Runtime) Invoke(ctx context.Context, payload []byte) Invocation {
	return rt.Begin(payload).End(ctx)
}

// Begin queues an invocation and returns at once. The function gets the invocation
// when it requests the next one.
func (rt *Runtime) Begin(payload []byte) *Call {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.calls++
	c := &Call{rt: rt, payload: payload, isAnswer: make(chan struct{}), isOver: make(chan struct{})}
	c.inv.RequestID = fmt.Sprintf("00000000-0000-4000-8000-%012d", rt.calls)
	c.from = len(rt.timeline)
	if !rt.alive() {
		c.inv.Err = ErrExited
		c.end(Exited)
		return c
	}
	rt.queue = append(rt.queue, c)
	rt.update()
	return c
}

// Answer waits until the caller of the function has the response or an error, or
// until ctx ends.
func (c *Call) Answer(ctx context.Context) Invocation { return c.await(ctx, c.isAnswer, "response") }

// End waits until the invocation is over, or until ctx ends. An invocation is over
// when the function has requested the next one, has timed out or has exited.
func (c *Call) End(ctx context.Context) Invocation { return c.await(ctx, c.isOver, "end") }

func (c *Call) await(ctx context.Context, done <-chan struct{}, what string) Invocation {
	if c.rt == nil { // the zero Call
		return Invocation{End: Exited, Err: ErrExited}
	}
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("lambdatest: waiting for the %s of invocation %s: %w", what, c.inv.RequestID, context.Cause(ctx))
	}
	c.rt.mu.Lock()
	defer c.rt.mu.Unlock()
	inv := c.inv
	if err != nil {
		inv.Err = err
	}
	if !c.over() {
		inv.Timeline = slices.Clone(c.rt.timeline[c.from:])
	}
	return inv
}

// deliver gives an invocation to a loop. The lock is held.
func (rt *Runtime) deliver(c *Call, l *loop) {
	c.inv.Deadline = time.Now().Add(rt.timeout)
	c.from = len(rt.timeline)
	rt.note("invoke", c.inv.RequestID)
	rt.active = append(rt.active, c)
	c.timer = time.AfterFunc(rt.timeout, c.timedOut)
	l.call <- c
}

// timedOut ends the invocation and the process. If the process has registered an
// extension, it gets SIGTERM first, and the caller waits for the end of the process,
// as on Lambda. A function in the test process keeps running, and its result is
// dropped.
func (c *Call) timedOut() {
	c.rt.mu.Lock()
	defer c.rt.mu.Unlock()
	if c.over() {
		return
	}
	c.rt.note("timeout", c.inv.RequestID)
	c.late = true
	if p := c.rt.process; p != nil && c.rt.exts.registered > 0 && c.rt.open() {
		c.rt.running.Go(p.Terminate)
		return
	}
	c.endLate()
	if c.rt.process != nil {
		c.rt.process.kill()
	}
	c.rt.update()
}

// endLate ends an invocation whose deadline has passed. The lock is held.
func (c *Call) endLate() {
	if !c.answered() {
		c.inv.Err = ErrTimedOut
	}
	c.end(TimedOut)
}

// answer records what the function posted. The lock is held.
func (c *Call) answer(name string, set func(*Invocation)) {
	c.rt.note(name, c.inv.RequestID)
	c.posted = true
	if !c.answered() && !c.late {
		set(&c.inv)
		close(c.isAnswer)
	}
}

func (c *Call) end(how End) {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.inv.End = how
	c.inv.Timeline = slices.Clone(c.rt.timeline[c.from:])
	if !c.answered() {
		close(c.isAnswer)
	}
	close(c.isOver)
}

func (c *Call) answered() bool { return isClosed(c.isAnswer) }
func (c *Call) over() bool     { return isClosed(c.isOver) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
