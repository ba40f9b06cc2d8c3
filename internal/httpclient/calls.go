package httpclient

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// grace is how long a call may take to return after its context has ended.
	grace = 50 * time.Millisecond
	// maxCalls is the maximum number of calls that have not returned. Any of them
	// may be abandoned, so it is also the maximum of abandoned calls.
	maxCalls = 8
)

var (
	errAbandoned = errors.New("ignores its context and was abandoned")
	errTooMany   = fmt.Errorf("is not called: %d earlier calls have not returned", maxCalls)
	errExited    = errors.New("called runtime.Goexit")
)

// calls runs functions of the application, which may panic, end their goroutine
// or ignore their context.
type calls struct {
	slots     chan struct{} // has a value for each call that has not returned
	abandoned atomic.Int64
	// report is called when a call of the named function has been abandoned.
	report func(function string)
}

func newCalls(report func(function string)) calls {
	return calls{slots: make(chan struct{}, maxCalls), report: report}
}

// begin waits until a call may begin, but not longer than grace after done is
// closed.
func (c *calls) begin(done <-chan struct{}) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	default:
	}
	if c.abandoned.Load() >= maxCalls {
		return errTooMany
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-done:
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errTooMany
	}
}

// do runs f on its own goroutine, as soon as fewer than maxCalls calls are running.
// If f has not returned grace after done is closed, do abandons f and returns an
// error. In that case it calls late, unless that is nil, when f does return. Only
// if do returns nil may the caller use what f has written. f must not write named
// results of the caller: each return of the caller would write them at the same
// time.
func (c *calls) do(done <-chan struct{}, function string, f, late func()) error {
	if err := c.begin(done); err != nil {
		return fmt.Errorf("%s %w", function, err)
	}
	outcome := make(chan error, 1)
	var over atomic.Bool // f has returned or was abandoned
	go func() {
		err := errExited
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panicked with a %T", v) // the value may be private
			}
			if over.CompareAndSwap(false, true) {
				<-c.slots
				outcome <- err
				return
			}
			defer func() {
				_ = recover()
				c.abandoned.Add(-1)
				<-c.slots
			}()
			if late != nil && err == nil {
				late()
			}
		}()
		f()
		err = nil
	}()
	var err error
	select {
	case err = <-outcome:
	case <-done:
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case err = <-outcome:
		case <-timer.C:
			err = c.abandon(&over, outcome, function)
		}
	}
	if err != nil {
		return fmt.Errorf("%s %w", function, err)
	}
	return nil
}

// abandon abandons a call and returns an error. If the call has just returned,
// it returns the outcome of the call.
func (c *calls) abandon(over *atomic.Bool, outcome <-chan error, function string) error {
	c.abandoned.Add(1)
	if !over.CompareAndSwap(false, true) {
		c.abandoned.Add(-1)
		return <-outcome
	}
	if c.report != nil {
		c.report(function)
	}
	return errAbandoned
}

// guard turns a panic of a function of the application into an error. It is for
// functions that net/http calls on its own goroutines.
func guard(function string, err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("%s panicked with a %T", function, v)
	}
}

// endOf returns the context's error for a request whose context has ended, and
// err for other requests.
func endOf(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}
