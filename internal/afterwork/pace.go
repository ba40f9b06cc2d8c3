package afterwork

import (
	"errors"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

const (
	// firstPause and maxPause are the minimum and maximum of the backoff after a
	// failed delivery. The backoff doubles with each further failure.
	firstPause = time.Second
	maxPause   = time.Minute
	// The backoff is at least costShare times as long as the failed delivery if
	// work had to wait for the delivery.
	costShare = 5
)

// Rule says when queued events are delivered: when the last delivery began at
// least Every ago, or when at least Events are queued. With the zero Rule they
// are always delivered. With a negative Every time does not count. Events is
// not used if it is 0.
type Rule struct {
	Every  time.Duration
	Events uint64
}

// pace records when deliveries began and how they ended.
type pace struct {
	mu       sync.Mutex
	began    time.Time // the last delivery; zero if there was none
	ended    time.Time
	pause    time.Duration // the backoff, after ended
	failures uint          // consecutive
}

// due reports whether events should be delivered now.
func (p *pace) due(queued uint64, rule Rule) bool {
	if queued == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures > 0 {
		return clock.Age(p.ended) >= p.pause
	}
	return rule.Events > 0 && queued >= rule.Events || rule.Every >= 0 && clock.Age(p.began) >= rule.Every
}

// pausing reports whether the backoff after a failure is not over.
func (p *pace) pausing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures > 0 && clock.Age(p.ended) < p.pause
}

func (p *pace) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = time.Now()
}

// end records the outcome of a delivery. costs: work had to wait for the
// delivery.
func (p *pace) end(failed, costs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = time.Now()
	if !failed {
		p.failures = 0
		return
	}
	pause := retry.Double(firstPause, maxPause, p.failures)
	if costs {
		pause = min(max(pause, costShare*clock.Age(p.began)), maxPause)
	}
	p.failures++
	p.pause = retry.Shorten(pause, 0.5)
}

// failed reports whether a delivery has failed: the platform accepted nothing,
// and not because of a single event, which the next deliveries isolate.
func failed(err error) bool {
	kept, ok := errors.AsType[*flush.Error](err)
	return ok && kept.Retained > 0 && kept.Delivered == 0 && !errors.Is(err, flush.ErrRejected)
}
