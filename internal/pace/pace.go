// Package pace limits how large requests with events are, and how many are sent at
// the same time, by the time that the responses of a platform take.
package pace

import (
	"context"
	"math"
	"sync"
	"time"
)

const (
	// Aim is how long a response should take: then a platform that stores events one
	// after the other has little left to store when a request is cut, and a request
	// is far from its timeout.
	Aim = time.Second
	// quick is the maximum time of a response for flush.Config.Requests concurrent
	// requests. Up to slow there are two, and then one: on a platform that stores
	// one request after the other, more requests only make each request slower, until
	// they time out and are sent again.
	quick = Aim / 2
	slow  = 4 * Aim
	// unknown is how many events a request that may be cut has before the first
	// response.
	unknown = 100
	// small is the number of events below which a timeout does not make requests
	// smaller.
	small = 10
	// minTimeout and maxTimeout bound the timeout of an attempt, which depends on the
	// time of responses.
	minTimeout = 10 * time.Second
	maxTimeout = 30 * time.Second
)

// Pace limits the events of a request and the number of concurrent requests by the
// time that responses take. The first request is alone, because there was no response
// yet.
type Pace struct {
	mu       sync.Mutex
	changed  sync.Cond
	requests int           // maximum of concurrent requests, while responses are quick
	events   int           // maximum of a request, while responses are quick
	setting  time.Duration // flush.Config.Timeout; 0: depends on the responses
	underWay int           // requests
	last     time.Duration // of the last response; 0 before the first
	cost     cost          // of requests that were accepted
	size     int           // events of the next request
	cut      int           // maximum of events after a request was cut; 0: no limit
}

// New returns the pace of a platform that has not responded yet: requests have at most
// so many events, and so many requests are sent at the same time. timeout is that of
// an attempt; 0 depends on the responses.
func New(requests, events int, timeout time.Duration) *Pace {
	p := &Pace{requests: requests, events: events, setting: timeout, size: events}
	p.changed.L = &p.mu
	return p
}

// Begin waits until another request may begin, or ctx ends. brief means that the
// request may be cut. If Begin returns nil, End must be called.
func (p *Pace) Begin(ctx context.Context, brief bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.underWay >= p.atOnceLocked(brief) && ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.changed.Broadcast()
		})()
	}
	for p.underWay >= p.atOnceLocked(brief) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.changed.Wait()
	}
	p.underWay++
	return nil
}

// End counts a request that has ended.
func (p *Pace) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underWay--
	p.changed.Broadcast()
}

// atOnceLocked returns the maximum number of concurrent requests. While responses
// are not quick, there is only one request that may be cut, because the time of a
// single request is easiest to predict.
func (p *Pace) atOnceLocked(brief bool) int {
	took := p.last
	if p.cost.known() {
		took = max(took, p.cost.of(p.size)) // the last request may have been small
	}
	switch {
	case p.last == 0 || took > slow || brief && took > quick:
		return 1
	case took > quick:
		return min(2, p.requests)
	}
	return p.requests
}

// Unbounded is the time left for a request that is never cut.
const Unbounded = time.Duration(math.MaxInt64)

// Next returns how many events the next request may have, at least 1. If the request
// is cut after the time left, then it and those at the same time, which are so many at
// most, should take half of that time together.
func (p *Pace) Next(left time.Duration, atOnce int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.size
	switch {
	case left == Unbounded:
	case !p.cost.known():
		n = min(n, unknown)
	default:
		n = p.cost.within(left/2/time.Duration(min(atOnce, p.atOnceLocked(true))), n)
		if n == 0 { // because of the fixed part
			n = p.cost.within(left*3/4, p.size)
		}
	}
	if p.cut > 0 && left != Unbounded {
		n = min(n, p.cut)
	}
	return max(n, 1)
}

// Answered records the time of a response.
func (p *Pace) Answered(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = max(took, 1)
}

// Accepted records the time that the platform took to accept events.
func (p *Pace) Accepted(events int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	surprise := p.cost.known() && took > max(2*p.cost.of(events), Aim)
	p.cost.add(events, took)
	p.cut = 0
	want := p.cost.efficient(Aim, p.events)
	most := 2 * events
	if events < p.size { // the queue had no more: a small request says little about larger ones
		most = p.size
	}
	larger := p.size + p.size/4 + 1 // shows the two parts
	inProportion := int(min(float64(events)*float64(Aim)/float64(max(took, 1)), float64(most)))
	switch {
	case surprise:
		want = min(want, events/2)
	case p.cost.variance() == 0 && want >= events*3/4:
		want = max(want, larger)
	case took <= Aim:
		want = max(want, min(larger, inProportion))
	}
	// The line through other answers says little about sizes beyond them.
	want = min(want, max(larger, inProportion))
	p.size = min(max(want, most/8, 1), most, p.events)
}

// TimedOut records a request without a response within its timeout. If the request
// was small, its size is not the reason.
func (p *Pace) TimedOut(events int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = min(p.size, max(events/2, small))
}

// WasCut records a request that was cut because the time of its delivery was over.
func (p *Pace) WasCut(events int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = max(events/2, 1)
}

// Timeout returns the timeout of an attempt.
func (p *Pace) Timeout() time.Duration {
	if p.setting > 0 {
		return p.setting
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(max(4*p.last, minTimeout), maxTimeout)
}
