package event

import (
	"math"
	"sync"
	"time"
)

const (
	// aim is how long a response should take: then a platform that stores events one
	// after the other has little left to store when a request is cut, and a request
	// is far from its timeout.
	aim = time.Second
	// quick is the maximum time of a response for flush.Config.Requests concurrent
	// requests. Up to slow there are two, and then one: on a platform that stores
	// one request after the other, more requests only make each request slower, until
	// they time out and are sent again.
	quick = aim / 2
	slow  = 4 * aim
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

// pace limits the events of a request and the number of concurrent requests by the
// time that responses take. The first request is alone, because there was no response
// yet.
type pace struct {
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

func newPace(requests, events int, timeout time.Duration) *pace {
	p := &pace{requests: requests, events: events, setting: timeout, size: events}
	p.changed.L = &p.mu
	return p
}

// begin waits until another request may begin. brief means that the request may be
// cut.
func (p *pace) begin(brief bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.underWay >= p.atOnceLocked(brief) {
		p.changed.Wait()
	}
	p.underWay++
}

// end counts a request that has ended.
func (p *pace) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underWay--
	p.changed.Broadcast()
}

// atOnceLocked returns the maximum number of concurrent requests. While responses
// are not quick, there is only one request that may be cut, because the time of a
// single request is easiest to predict.
func (p *pace) atOnceLocked(brief bool) int {
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

// unbounded is the time left for a request that is never cut.
const unbounded = time.Duration(math.MaxInt64)

// next returns how many events the next request may have, at least 1. If the request
// is cut after the time left, then it and the requests that are under way should take
// at most half of that time.
func (p *pace) next(left time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.size
	switch {
	case left == unbounded:
	case !p.cost.known():
		n = min(n, unknown)
	default:
		n = p.cost.within(left/2/time.Duration(p.atOnceLocked(true)), n)
		if n == 0 { // because of the fixed part
			n = p.cost.within(left*3/4, p.size)
		}
	}
	if p.cut > 0 && left != unbounded {
		n = min(n, p.cut)
	}
	return max(n, 1)
}

// answered records the time of a response.
func (p *pace) answered(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = max(took, 1)
}

// accepted records the time that the platform took to accept events.
func (p *pace) accepted(events int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	surprise := p.cost.known() && took > max(2*p.cost.of(events), aim)
	p.cost.add(events, took)
	p.cut = 0
	want := p.cost.efficient(aim, p.events)
	most := 2 * events
	if events < p.size { // the queue had no more: a small request says little about larger ones
		most = p.size
	}
	larger := p.size + p.size/4 + 1 // shows the two parts
	inProportion := int(min(float64(events)*float64(aim)/float64(max(took, 1)), float64(most)))
	switch {
	case surprise:
		want = min(want, events/2)
	case p.cost.variance() == 0 && want >= events*3/4:
		want = max(want, larger)
	case took <= aim:
		want = max(want, min(larger, inProportion))
	}
	// The line through other answers says little about sizes beyond them.
	want = min(want, max(larger, inProportion))
	p.size = min(max(want, most/8, 1), most, p.events)
}

// timedOut records a request without a response within its timeout. If the request
// was small, its size is not the reason.
func (p *pace) timedOut(events int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = min(p.size, max(events/2, small))
}

// wasCut records a request that was cut because the time of its delivery was over.
func (p *pace) wasCut(events int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = max(events/2, 1)
}

// timeout returns the timeout of an attempt.
func (p *pace) timeout() time.Duration {
	if p.setting > 0 {
		return p.setting
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(max(4*p.last, minTimeout), maxTimeout)
}
