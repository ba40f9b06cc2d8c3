package stream

import (
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// syncRequests are the requests for data that a connection sends, one at a time.
//
// A message that is pushed looks like the answer to a request for changes. So
// a ping follows such a request: the platform handles messages in order, so the
// answer is complete when the pong arrives.
type syncRequests struct {
	timeout time.Duration // until an answer must begin to arrive
	late    *time.Timer   // fires after timeout, while a request is open and no message arrives
	wake    chan struct{} // wakes the writer: there may be something to request

	mu           sync.Mutex   // guards the rest
	current      *openRequest // nil if none is open
	count        int          // of requests so far
	pings, pongs int
	reading      bool // a message has begun to arrive
}

// openRequest is a request without a complete answer.
type openRequest struct {
	resync.Request
	first  bool      // on its connection
	ping   int       // the number of the ping that follows it; 0: no ping
	by     time.Time // when an answer must begin to arrive
	heard  bool      // data came since
	answer resync.Answer
}

// newSyncRequests returns no open request. late is called when an
// answer takes longer than timeout.
func newSyncRequests(timeout time.Duration, late func()) *syncRequests {
	rs := &syncRequests{timeout: timeout, wake: make(chan struct{}, 1)}
	rs.late = time.AfterFunc(time.Hour, late)
	rs.late.Stop()
	return rs
}

// open opens a request, which the caller sends. at is the platform's time.
func (rs *syncRequests) open(q resync.Request, at time.Time) *openRequest {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	o := &openRequest{Request: q, first: rs.count == 0, by: time.Now().Add(rs.timeout)}
	rs.count++
	o.answer.At = at
	if q.Since > 0 || !o.first {
		rs.pings++
		o.ping = rs.pings
	}
	rs.current = o
	if !rs.reading {
		rs.late.Reset(rs.timeout)
	}
	return o
}

// idle reports whether no request is open.
func (rs *syncRequests) idle() bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.current == nil
}

// beginReading stops the timeout while a message arrives.
func (rs *syncRequests) beginReading() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.reading = true
	rs.late.Stop()
}

// endReading restarts the timeout if a request is open.
func (rs *syncRequests) endReading() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.reading = false
	if o := rs.current; o != nil {
		if !o.first { // the connection works: its messages may come before the answer
			o.by = time.Now().Add(rs.timeout)
		}
		rs.late.Reset(time.Until(o.by))
	}
}

// asked returns the mark of the open request, or 0: without a request, messages
// are pushed.
func (rs *syncRequests) asked() transport.Mark {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.current == nil {
		return 0
	}
	return rs.current.Mark
}

// brought notes the result of applying a message.
func (rs *syncRequests) brought(applied transport.Applied) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	o := rs.current
	if o == nil || o.Since == 0 && !applied.Full {
		return // pushed
	}
	o.heard = true
	if applied.Full || applied.Held > 0 {
		applied.Full = applied.Full || o.answer.Full
		o.answer.Applied = applied
	}
}

// countPing counts a ping that follows no request.
func (rs *syncRequests) countPing() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.pings++
}

// ponged notes a pong. It returns true if the platform ignored the request
// before the ping, which is closed then. The first request stays open.
func (rs *syncRequests) ponged() (ignored bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.pongs = min(rs.pongs+1, rs.pings)
	o := rs.current
	if o == nil || o.first || o.heard || rs.pongs < o.ping {
		return false
	}
	rs.current = nil
	return true
}

// complete closes the open request and returns it with its answer, if the answer
// is complete.
func (rs *syncRequests) complete() (*resync.Request, *resync.Answer) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	o := rs.current
	if o == nil || !o.heard || !o.answer.Full && (o.ping == 0 || rs.pongs < o.ping) {
		return nil, nil
	}
	rs.current = nil
	return &o.Request, &o.answer
}

// wakeWriter makes the writer check what to request next, and when.
func (rs *syncRequests) wakeWriter() {
	select {
	case rs.wake <- struct{}{}:
	default: // the writer is about to check
	}
}
