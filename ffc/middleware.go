package ffc

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/afterwork"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

const (
	// requestFlush is how long the end of a request may be held up by the
	// delivery of events.
	requestFlush = 2 * time.Second
	// busyFlush is how often events are delivered while there is always some
	// request under way.
	busyFlush = 3 * time.Second
)

// Middleware wraps a handler for servers that only run while they serve
// requests, such as Cloud Run with request-based CPU. Before each request it
// brings the data up to date, as Refresh does. When the last request that is
// under way ends it delivers the events of all, as Flush does, for at most 2 s
// and before that request is complete for its client, unless the response has
// a Content-Length: then, in HTTP/1, what waits is the next request on that
// connection. While requests never cease, it does so every 3 s and when the
// queue is half full. After a delivery has failed it leaves some time before
// the next: events wait in the queue meanwhile.
//
// Wrap the handler of the whole server, once: requests are counted apart for
// each handler that is wrapped. One that stays for long, such as a stream, can
// call Refresh and Flush itself now and then.
//
// It does not touch requests and responses, so hijacking, flushing and panics
// of handlers work as without it. A flag problem never fails a request.
func (c *Client) Middleware(next http.Handler) http.Handler {
	if c.unmade() {
		return next
	}
	m := &middleware{c: c, next: next, flusher: afterwork.Flusher{
		Flush:  c.Flush,
		Queued: func() uint64 { return uint64(c.events.Queued()) },
	}}
	m.since.Store(new(time.Now()))
	return m
}

type middleware struct {
	c        *Client
	next     http.Handler
	flusher  afterwork.Flusher
	underWay atomic.Int64
	// since is when a request that was not the last delivered, or requests
	// began to be under way all the time.
	since atomic.Pointer[time.Time]
}

// ServeHTTP implements http.Handler.
func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.underWay.Add(1) == 1 {
		m.since.Store(new(time.Now()))
	}
	finished := false // not if the handler panics
	defer func() { m.end(w, r, finished) }()
	_ = m.c.Refresh(r.Context()) // the status tells what is wrong
	m.next.ServeHTTP(w, r)
	finished = true
}

// end delivers events after the last of the requests under way and, if there
// is always another, after one of them when it is time.
func (m *middleware) end(w http.ResponseWriter, r *http.Request, finished bool) {
	last := m.underWay.Add(-1) == 0
	if !m.flusher.Due() || !last && !m.overdue() {
		return
	}
	if finished && w.Header().Get("Content-Length") != "" {
		complete(w)
	}
	m.deliver(r.Context())
}

// overdue reports whether events should not wait for the last request. Of
// several requests that ask at the same time, one is told so.
func (m *middleware) overdue() bool {
	since := m.since.Load()
	if clock.Age(*since) <= busyFlush && !m.c.events.HalfFull() {
		return false
	}
	return m.since.CompareAndSwap(since, new(time.Now()))
}

// complete sends the rest of a response that is whole: its client need not wait
// for us. Writing nothing tells whether the handler has hijacked the connection;
// then Flush of net/http logs and panics. The recover is for a ResponseWriter of
// the application's that hides it.
func complete(w http.ResponseWriter) {
	defer func() { _ = recover() }()
	if _, err := w.Write(nil); err == nil {
		_ = http.NewResponseController(w).Flush()
	}
}

// deliver delivers events even if the request has been cancelled.
func (m *middleware) deliver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestFlush)
	defer cancel()
	m.flusher.Deliver(ctx)
}
