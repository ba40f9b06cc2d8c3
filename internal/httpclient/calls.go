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
	// maxCalls is how many calls may not have returned at any time. As any of them
	// may be abandoned, it is also the maximum of abandoned calls.
	maxCalls = 8
)

var (
	errAbandoned = errors.New("ignores its context and was abandoned")
	errTooMany   = fmt.Errorf("is not called: %d earlier calls have not returned", maxCalls)
	errExited    = errors.New("called runtime.Goexit")
)

// calls runs functions of the application that may panic, end their goroutine
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

// begin waits until a call may begin, or until grace is over after done.
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

// do runs f on a goroutine of its own, as soon as fewer than maxCalls calls are
// under way. If f has not returned when grace is over after done, do abandons it
// and returns an error; late is then called when f does return. nil is no function
// to call. Only if do returns nil may the caller use what f has written. f must not
// write named results of the caller: each return of the caller would write them at
// the same time.
func (c *calls) do(done <-chan struct{}, function string, f, late func()) error {
	if err := c.begin(done); err != nil {
		return fmt.Errorf("%s %w", function, err)
	}
	outcome := make(chan error, 1)
	var over atomic.Bool // returned or abandoned, whichever came first
	go func() {
		err := errExited
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panicked with a %T", v) // the value may hold anything
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

// abandon gives up a call, unless it has returned at the last moment.
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
// functions that net/http calls on goroutines of its own.
func guard(function string, err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("%s panicked with a %T", function, v)
	}
}

// endOf describes an error of a request whose context has ended by that end.
func endOf(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}
