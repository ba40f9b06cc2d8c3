package ffctest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Endpoint is a part of the platform that can be made to fail.
type Endpoint int

const (
	// Streaming is the websocket over which flags are pushed.
	Streaming Endpoint = iota
	// Events is where clients post evaluations and metrics.
	Events
	// Polling is where clients fetch all flags.
	Polling

	endpoints // how many endpoints there are
)

// String returns the name of the constant, in lower case.
func (e Endpoint) String() string {
	return [endpoints]string{Streaming: "streaming", Events: "events", Polling: "polling"}[e]
}

// Failure is how a request fails. The zero value answers 503 with no body.
type Failure struct {
	// Status is the HTTP status to answer; 0 is 503. For Streaming, 1000 and
	// more is a close code: the upgrade is accepted and closed with it.
	Status int
	// RetryAfter is the value of the Retry-After header; "" is no header.
	RetryAfter string
	// Body is the body of the answer, or the reason of a close code.
	Body string
	// Reset cuts the TCP connection: with Status 0 without an answer, otherwise
	// after Body and before the end that the answer's Content-Length promised.
	Reset bool
	// Processed makes only the answer fail: the request itself is carried out,
	// so that its events count. That is how events get delivered twice. It
	// means nothing for Streaming and Polling.
	Processed bool
}

// faults are the ways in which the server fails. The server's lock guards them.
type faults struct {
	next    [endpoints][]Failure
	lasting [endpoints][]*Failure
	stalls  [endpoints]stall
	reject  int // RejectUpgrade's; 0 is not at all
}

type stall struct {
	count   int
	resumed chan struct{} // closed when count is back at 0; nil while it is 0
}

// FailNext makes the next n requests to e fail with f; for Streaming, only
// upgrade requests count. More calls queue up behind each other. It panics when
// f has a status that cannot be answered.
func (s *Server) FailNext(e Endpoint, n int, f Failure) {
	f.check(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults.next[e] = append(s.faults.next[e], f)
	}
}

// Fail makes every request to e fail with f until stop is called, which may be
// done more than once. What FailNext has ordered comes first; of several that
// last, the latest counts. For Streaming, only upgrade requests fail: open
// connections stay. It panics when f has a status that cannot be answered.
func (s *Server) Fail(e Endpoint, f Failure) (stop func()) {
	f.check(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.lasting[e] = append(s.faults.lasting[e], &f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults.lasting[e] = slices.DeleteFunc(s.faults.lasting[e], func(other *Failure) bool { return other == &f })
	}
}

// RejectUpgrade makes every attempt to connect fail, until it is called with 0:
// with an HTTP status, or for 1000 and more with an upgrade that is closed at
// once with this code. 4003 is what the platform does with a bad token. It
// panics when the status cannot be answered. Open connections stay. What
// FailNext and Fail have ordered comes first.
func (s *Server) RejectUpgrade(status int) {
	Failure{Status: status}.check(Streaming)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.reject = status
}

// Stall makes e hang until resume is called; stalls of several callers add up.
// Resume may be called more than once.
//
// Events and Polling: requests are read and recorded but not answered. What a
// client sent and gave up on was never processed. FailNext is looked at after
// the stall.
//
// Streaming: connections open and stay open, but nothing is answered or pushed.
// At resume everything that has waited is sent: pushes first, then answers.
func (s *Server) Stall(e Endpoint) (resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.faults.stalls[e]
	if st.count == 0 {
		st.resumed = make(chan struct{})
	}
	st.count++
	return sync.OnceFunc(func() { s.resume(e) })
}

func (s *Server) resume(e Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.faults.stalls[e]
	st.count--
	if st.count > 0 {
		return
	}
	close(st.resumed)
	st.resumed = nil
	for c := range s.sockets {
		c.poke()
	}
}

// Skew makes the server's clock run d ahead of the real one, or behind it when
// negative. The clock stamps versions, judges the age of tokens, and is in the
// Date header of every response. On FeatBit a token from the future is as bad as
// an old one.
func (s *Server) Skew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = d
}

// awaitResume blocks while e is stalled. It reports false when the client or
// the server has gone meanwhile.
func (s *Server) awaitResume(ctx context.Context, e Endpoint) bool {
	for {
		s.mu.Lock()
		resumed := s.faults.stalls[e].resumed
		s.mu.Unlock()
		if resumed == nil {
			return true
		}
		select {
		case <-resumed:
		case <-ctx.Done():
			return false
		case <-s.closing:
			return false
		}
	}
}

// failure takes the failure that the next request to e meets.
func (s *Server) failure(e Endpoint) (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next := s.faults.next[e]; len(next) > 0 {
		s.faults.next[e] = next[1:]
		return next[0], true
	}
	if lasting := s.faults.lasting[e]; len(lasting) > 0 {
		return *lasting[len(lasting)-1], true
	}
	return Failure{Status: s.faults.reject}, e == Streaming && s.faults.reject != 0
}

// status is what the client gets to see: 0 when it sees no answer.
func (f Failure) status() int {
	switch {
	case f.Status == 0 && !f.Reset:
		return http.StatusServiceUnavailable
	case f.Status >= minCloseCode:
		return http.StatusSwitchingProtocols
	}
	return f.Status
}

// answer fails the request. It does not return when that cuts the connection.
func (f Failure) answer(w http.ResponseWriter) {
	status := f.status()
	if status == 0 {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset, not an orderly end
			}
			_ = conn.Close()
		}
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Reset {
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)+1))
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, f.Body) // the client may be gone
	if f.Reset {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// check panics when e cannot fail with f.
func (f Failure) check(e Endpoint) {
	switch {
	case f.Status >= minCloseCode && e == Streaming && !f.Reset:
		checkCloseCode(f.Status, f.Body)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		panic(fmt.Sprintf("ffctest: cannot answer with HTTP status %d", f.Status))
	}
}
