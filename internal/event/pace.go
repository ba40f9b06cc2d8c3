package event

import (
	"math"
	"sync"
	"time"
)

const (
	// aim is how long an answer should take: a platform that stores events one
	// after the other then has little to do when a request is cut, and a request
	// is far from its timeout.
	aim = time.Second
	// quick is how long an answer may take for as many requests at once as
	// flush.Config.Requests says. Up to slow there are two, and then one: a platform
	// that stores events one request after the other makes each of more requests
	// only slower, until they time out and are sent again.
	quick = aim / 2
	slow  = 4 * aim
	// unknown is how many events a request has that may be cut, while nothing is
	// known of the platform.
	unknown = 100
	// small is below how many events a request is not made smaller after a timeout.
	small = 10
	// minTimeout and maxTimeout bound the timeout of a try that follows the time
	// that answers take.
	minTimeout = 10 * time.Second
	maxTimeout = 30 * time.Second
)

// pace says how many events a request may have and how many requests there may
// be at once, by how long answers take. The first request is alone, as nothing is
// known of the platform yet.
type pace struct {
	mu       sync.Mutex
	changed  sync.Cond
	requests int           // at once while answers are quick
	events   int           // of a request while answers are quick
	setting  time.Duration // flush.Config.Timeout; 0 follows the answers
	underWay int           // requests
	last     time.Duration // of the last answer; 0 is that there was none
	cost     cost          // of requests that were accepted
	size     int           // events of the next request
	cut      int           // events that the request after one that was cut may have; 0 is no limit
}

func newPace(requests, events int, timeout time.Duration) *pace {
	p := &pace{requests: requests, events: events, setting: timeout, size: events}
	p.changed.L = &p.mu
	return p
}

// begin waits until another request may begin. brief says that the request may be
// cut.
func (p *pace) begin(brief bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.underWay >= p.atOnceLocked(brief) {
		p.changed.Wait()
	}
	p.underWay++
}

// end notes that a request has ended.
func (p *pace) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underWay--
	p.changed.Broadcast()
}

// atOnceLocked returns how many requests there may be at once. Of requests that
// may be cut there is only one while answers are not quick, as how long it takes is
// known best if it is alone.
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

// unbounded is the time of a request that is not cut.
const unbounded = time.Duration(math.MaxInt64)

// next returns how many events the next request may have, at least 1. If the
// request may be cut when a time is over, it is to take half of that time at
// most, together with those that are under way with it.
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

// answered notes how long an answer took.
func (p *pace) answered(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = max(took, 1)
}

// accepted notes how long the platform took for events that it accepted.
func (p *pace) accepted(events int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	surprise := p.cost.known() && took > max(2*p.cost.of(events), aim)
	p.cost.add(events, took)
	p.cut = 0
	want := p.cost.efficient(aim, p.events)
	most := 2 * events
	if events < p.size { // there were no more: this shows little about larger ones
		most = p.size
	}
	switch {
	case surprise:
		want = min(want, events/2)
	case took <= aim, p.cost.variance() == 0 && want >= events*3/4:
		want = max(want, p.size+p.size/4+1) // a larger request shows the two parts
	}
	p.size = min(max(want, most/8, 1), most, p.events)
}

// timedOut notes that a request had no answer within its timeout. If the request
// was small, its size is not the reason.
func (p *pace) timedOut(events int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = min(p.size, max(events/2, small))
}

// wasCut notes that a request was cut, as the time of its delivery was over.
func (p *pace) wasCut(events int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = max(events/2, 1)
}

// timeout returns how long a try may take.
func (p *pace) timeout() time.Duration {
	if p.setting > 0 {
		return p.setting
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(max(4*p.last, minTimeout), maxTimeout)
}
