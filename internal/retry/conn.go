package retry

import (
	"context"
	"errors"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// ConnTrace records which connection an attempt gets, and when. The zero value is
// ready.
type ConnTrace struct {
	asked, reused atomic.Bool
	got           atomic.Pointer[time.Time] // nil: none yet
}

// Record returns a context for the next attempt, which t records.
func (t *ConnTrace) Record(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			t.reused.Store(info.Reused)
			now := time.Now()
			t.got.Store(&now)
		},
	})
}

func (t *ConnTrace) reset() {
	t.asked.Store(false)
	t.got.Store(nil)
	t.reused.Store(false)
}

// missing reports whether no connection could be made. A RoundTripper that calls
// no hooks does not tell.
func (t *ConnTrace) missing() bool { return t.asked.Load() && t.got.Load() == nil }

// stale reports whether an attempt failed because the server has closed a
// connection that was kept.
func (t *ConnTrace) stale(err error) bool {
	return err != nil && t.reused.Load() && !errors.Is(err, context.DeadlineExceeded)
}

// Began returns when the attempt, which began at a time, had its connection. If
// the RoundTripper calls no hooks, Began returns the time that it was given.
func (t *ConnTrace) Began(at time.Time) time.Time {
	if got := t.got.Load(); got != nil {
		return *got
	}
	return at
}

// Suspicious reports whether the connection of a failed request may be dead: the
// request waited for it until ctx ended, or it had been idle before.
func (t *ConnTrace) Suspicious(ctx context.Context) bool {
	return t.got.Load() != nil && (ctx.Err() != nil || t.reused.Load())
}
