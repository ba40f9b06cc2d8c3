package clock

import (
	"context"
	"time"
)

// wallKey is the key of a wall clock in a context.
type wallKey struct{}

// WithWall returns a context in which Wall returns another clock: the test's
// stand-in for a machine whose clock is wrong.
func WithWall(ctx context.Context, now func() time.Time) context.Context {
	return context.WithValue(ctx, wallKey{}, now)
}

// Wall returns the wall clock of the machine, which is time.Now unless a test has
// another one.
func Wall(ctx context.Context) func() time.Time {
	if now, ok := ctx.Value(wallKey{}).(func() time.Time); ok {
		return now
	}
	return time.Now
}
