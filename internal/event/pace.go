package event

import (
	"sync"
	"time"
)

const (
	// quick is how long an answer may take for as many requests at once as
	// flush.Config.Requests says.
	quick = 500 * time.Millisecond
	// slowAtOnce is how many requests there are at once while answers take longer:
	// a platform that stores events one request after the other makes each of more
	// requests only slower, until they time out and are sent again.
	slowAtOnce = 2
)

// pace says how many requests there may be at once, by how long answers take. The
// first request is alone, as nothing is known of the platform yet.
type pace struct {
	mu       sync.Mutex
	changed  sync.Cond
	max      int           // requests at once while answers are quick
	underWay int           // requests
	last     time.Duration // of the answer that came last; 0 is that none came
}

func newPace(max int) *pace {
	p := &pace{max: max}
	p.changed.L = &p.mu
	return p
}

// begin waits until another request may begin.
func (p *pace) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.underWay >= p.atOnce() {
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

// answered notes how long an answer took.
func (p *pace) answered(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = max(took, 1)
}

// atOnce returns how many requests there may be at once. The lock is held.
func (p *pace) atOnce() int {
	switch {
	case p.last == 0:
		return 1
	case p.last <= quick:
		return p.max
	}
	return min(slowAtOnce, p.max)
}
