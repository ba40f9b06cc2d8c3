package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// clockSkew is the smallest difference between the clocks that may be the reason
// for a rejected token. The platform allows 30 s, of which the network uses some,
// and the Date header has whole seconds.
const clockSkew = 15 * time.Second

// verdict is what to do after a connection.
type verdict struct {
	err       error         // to report
	final     bool          // do not connect again
	wait      time.Duration // the shortest pause; 0 is the usual pause
	corrected bool          // tokens have another time now: connecting may work at once
}

// judge returns what to do after a connection.
func (s *session) judge(end *connectResult) verdict {
	v := verdict{err: end.err}
	switch {
	case end.refused():
		v = s.judgeRefusal(end)
	case end.response != nil:
		if status := end.response.StatusCode; status >= 400 && retry.Classify(status) != retry.Transient {
			v.wait = s.MaxRetry
		}
		if asked, ok := retry.After(end.response.Header, time.Now()); ok {
			v.wait = max(v.wait, asked)
		}
	}
	v.wait = retry.Lengthen(v.wait, retry.Jitter)
	return v
}

var errClockSet = errors.New("the clock of this machine or of the platform has been set, and the two agree again: trying with this machine's time")

// judgeRefusal tells a wrong clock from a wrong secret: to the platform both are
// an invalid token.
func (s *session) judgeRefusal(end *connectResult) verdict {
	used := time.Duration(s.offset.Load())
	if ahead, ok := end.clockAhead(); ok && (ahead-used).Abs() > clockSkew {
		why := fmt.Errorf("this machine's clock differs by %v from the platform's, which allows 30 s: trying with the platform's time", ahead.Round(time.Second))
		if ahead.Abs() <= clockSkew {
			ahead, why = 0, errClockSet
		}
		s.offset.Store(int64(ahead))
		return verdict{err: &transport.Error{Kind: transport.KindRefused, Err: why}, corrected: true}
	}
	// A platform that accepted the secret before may reject it only for a while.
	return verdict{err: end.err, final: !s.trusted.Load(), wait: s.MaxRetry}
}
