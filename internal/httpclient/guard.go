package httpclient

import (
	"context"
	"errors"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// Guard calls functions of the application that take the place of requests. They
// may panic, end their goroutine or ignore their context.
type Guard struct{ calls calls }

// NewGuard returns a Guard. report is called with the name of a function when a
// call of it has been abandoned. report may be nil.
func NewGuard(report func(function string)) *Guard { return &Guard{newCalls(report)} }

// Abandoned returns how many calls have been abandoned and have not returned yet.
func (g *Guard) Abandoned() int { return int(g.calls.abandoned.Load()) }

// Do calls f as Attempts sends a request: with a context that ends after timeout,
// or with ctx (see Detach). It returns the error of f. If f panics, or has not
// returned 50 ms after its context has ended, Do returns an error. It waits while 8
// calls are under way. If f was not called at all, retry.Unsent reports that.
func (g *Guard) Do(ctx context.Context, timeout time.Duration, function string, f func(context.Context) error) error {
	if err := context.Cause(ctx); err != nil {
		return retry.NotSent(err)
	}
	whole, end := detached(ctx)
	defer end()
	ctx, stop := clock.WithTimeout(whole, timeout)
	defer stop()
	var err error // not a result, which a return would write, too
	if failed := g.calls.do(ctx.Done(), function, func() { err = f(ctx) }, nil); failed != nil {
		failed = endOf(ctx, failed)
		if errors.Is(failed, errTooMany) {
			failed = retry.NotSent(failed)
		}
		return timedOut(ctx, failed)
	}
	return timedOut(ctx, err)
}

// timedOut returns the error of a call with ctx as that of a timeout, if the
// timeout was measured by a stopwatch and looks like a cancellation.
func timedOut(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) && errors.Is(err, context.Canceled) {
		return context.DeadlineExceeded
	}
	return err
}
