package lambda

import (
	"sync"
	"time"
)

// underWay counts invocations that have begun and not ended. Its methods may be
// called concurrently.
type underWay struct {
	mu    sync.Mutex
	count int
	until time.Time     // the latest deadline of those that have begun
	none  chan struct{} // closed when count is 0; nil if no one waits
}

// begin counts an invocation with this deadline.
func (u *underWay) begin(deadline time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count++
	if deadline.After(u.until) {
		u.until = deadline
	}
}

func (u *underWay) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count--
	if u.count == 0 && u.none != nil {
		close(u.none)
		u.none = nil
	}
}

// wait waits until no invocation is under way, or until the latest deadline of all.
// Call it only once.
func (u *underWay) wait() {
	u.mu.Lock()
	if u.count == 0 {
		u.mu.Unlock()
		return
	}
	none := make(chan struct{})
	u.none = none
	over := time.NewTimer(time.Until(u.until))
	u.mu.Unlock()
	defer over.Stop()
	select {
	case <-none:
	case <-over.C:
	}
}
