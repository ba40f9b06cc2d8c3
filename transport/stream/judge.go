package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// clockSkew is the difference between the clocks from which it may be the
// reason for a refusal. The platform allows 30 s, of which the network uses
// some, and the Date header is in whole seconds.
const clockSkew = 15 * time.Second

// verdict says what to do after a connection.
type verdict struct {
	final     bool
	wait      time.Duration // at least this long; 0 is the usual pause
	corrected bool          // the time of tokens, so that the next may be taken
}

// judge decides what to do after a connection. It may know better than end why
// it ended.
func (s *session) judge(end *ending) (v verdict) {
	switch {
	case end.refused:
		v = s.judgeRefusal(end)
	case end.answer != nil:
		if status := end.answer.StatusCode; status >= 400 && retry.Classify(status) != retry.Transient {
			v.wait = s.MaxRetry
		}
		if asked, ok := retry.After(end.answer.Header, time.Now()); ok {
			v.wait = max(v.wait, asked)
		}
	}
	v.wait = retry.Lengthen(v.wait, retry.Jitter)
	return v
}

var errClockSet = errors.New("the clock of this machine or of the platform has been set, and the two agree again: trying with this machine's time")

// judgeRefusal tells a wrong clock, which the platform cannot distinguish from
// a wrong secret, from the latter.
func (s *session) judgeRefusal(end *ending) verdict {
	used := time.Duration(s.offset.Load())
	if ahead, ok := end.clockAhead(); ok && (ahead-used).Abs() > clockSkew {
		why := fmt.Errorf("this machine's clock differs by %v from the platform's, which allows 30 s: trying with the platform's time", ahead.Round(time.Second))
		if ahead.Abs() <= clockSkew {
			ahead, why = 0, errClockSet
		}
		s.offset.Store(int64(ahead))
		end.err = &transport.Error{Kind: transport.KindRefused, Err: why}
		return verdict{corrected: true}
	}
	// A platform that took the secret before may refuse it only for a while.
	return verdict{final: !s.trusted.Load(), wait: s.MaxRetry}
}
