package stream

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// goodRun is how long a connection must have been of use for the pauses to
	// start from the shortest again.
	goodRun = 60 * time.Second
	// clockSkew is the difference between the clocks from which it may be the
	// reason for a refusal. The platform allows 30 s, of which the network
	// uses some, and the Date header is in whole seconds.
	clockSkew = 15 * time.Second
)

// Run implements transport.Runner: it keeps a connection until ctx ends or the
// platform refuses.
func (s *session) Run(ctx context.Context) {
	pause := backoff{first: s.FirstRetry, most: s.MaxRetry}
	for {
		s.connects.Add(1)
		end := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		s.failures.Add(1)
		if !end.usable.IsZero() && clock.Age(end.usable) > goodRun {
			pause.reset()
		}
		wait, final := s.judge(&end, &pause)
		if final {
			s.env.Store.Off(end.err)
			return
		}
		s.env.Store.Interrupted(end.err)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// judge decides how long to wait after a connection, or that it was the last. It
// may know better why the connection ended.
func (s *session) judge(end *ending, pause *backoff) (wait time.Duration, final bool) {
	wait = pause.next()
	switch {
	case end.refused:
		return s.judgeRefusal(end, wait)
	case end.answer != nil:
		status := end.answer.StatusCode
		if status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests {
			wait = s.MaxRetry
		}
		if asked, ok := httpclient.RetryAfter(end.answer.Header, time.Now()); ok {
			wait = max(wait, asked)
		}
	}
	return wait, false
}

// judgeRefusal tells a wrong clock, which the platform cannot distinguish from
// a wrong secret, from the latter.
func (s *session) judgeRefusal(end *ending, wait time.Duration) (time.Duration, bool) {
	if ahead, ok := end.clockAhead(); ok && (ahead-s.offset).Abs() > clockSkew {
		s.offset = ahead
		if ahead.Abs() <= clockSkew {
			s.offset = 0
		}
		end.err = &transport.Error{Kind: transport.KindRefused, Err: fmt.Errorf(
			"this machine's clock differs by %v from the platform's, which allows 30 s: trying with the platform's time", ahead.Round(time.Second))}
		return wait, false
	}
	// A platform that took the secret before may refuse it only for a while.
	return s.MaxRetry, !s.trusted
}

// sleep waits, and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
