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

// String returns the name of the constant in lower case, such as "streaming".
func (e Endpoint) String() string {
	return [endpoints]string{Streaming: "streaming", Events: "events", Polling: "polling"}[e]
}

// Failure describes how a request fails. The zero value is status 503 without a
// body.
type Failure struct {
	// Status is the HTTP status of the response; 0 is 503. For Streaming, 1000 and
	// above is a close code: the server accepts the upgrade and closes the websocket
	// with this code.
	Status int
	// RetryAfter is the value of the Retry-After header; "" is no header.
	RetryAfter string
	// Body is the body of the response, or the reason of a close code.
	Body string
	// Reset cuts the TCP connection: with Status 0 without a response, otherwise
	// after Body, which is shorter than the response's Content-Length.
	Reset bool
	// Processed makes only the response fail: the server accepts the events of the
	// request, so the client delivers them twice. It has no effect on Streaming and
	// Polling.
	Processed bool
}

// faults are the ways in which the server fails. The server's lock guards them.
type faults struct {
	next    [endpoints][]Failure
	lasting [endpoints][]*Failure
	stalls  [endpoints]stall
	reject  int // status of RejectUpgrade; 0: not called
}

type stall struct {
	count   int
	resumed chan struct{} // closed when count becomes 0; nil while count is 0
}

// FailNext makes the next n requests to e fail with f. For Streaming these are
// upgrade requests. The failures of several calls follow each other. FailNext panics
// if f has an invalid status.
func (s *Server) FailNext(e Endpoint, n int, f Failure) {
	f.check(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.faults.next[e] = append(s.faults.next[e], f)
	}
}

// Fail makes every request to e fail with f until stop is called. Stop may be called
// more than once. Failures of FailNext come first; of several calls of Fail the
// latest counts. For Streaming only upgrade requests fail: open connections stay
// open. Fail panics if f has an invalid status.
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

// RejectUpgrade makes every upgrade fail until it is called with 0: with an HTTP
// status, or for 1000 and above by closing the websocket at once with this code.
// The platform rejects bad tokens with 4003. Failures of FailNext and Fail come
// first. Open connections stay open. RejectUpgrade panics if the status is invalid.
func (s *Server) RejectUpgrade(status int) {
	Failure{Status: status}.check(Streaming)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.reject = status
}

// Stall makes e hang until resume is called. After several calls of Stall, e hangs
// until each resume is called. Resume may be called more than once.
//
// Events and Polling: the server reads and records requests, but does not respond.
// It does not process a request that the client cancels. Failures of FailNext apply
// after the stall.
//
// Streaming: connections open and stay open, but the server sends nothing. After
// resume it sends the queued messages: pushes first, then responses.
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
		c.Poke()
	}
}

// Skew sets the server's clock d ahead of the real clock, or behind it if d is
// negative. The clock decides versions, the age of tokens, and the Date header of
// every response. FeatBit also rejects tokens from the future.
func (s *Server) Skew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew = d
}

// awaitResume blocks while e is stalled. It returns false if the request ends or
// the server is closed.
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

// failure returns the failure of the next request to e, and removes it.
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

// status is the status that the client gets: 0 if it gets no response.
func (f Failure) status() int {
	switch {
	case f.Status == 0 && !f.Reset:
		return http.StatusServiceUnavailable
	case f.Status >= minCloseCode:
		return http.StatusSwitchingProtocols
	}
	return f.Status
}

// answer writes the failure. It panics to cut the connection.
func (f Failure) answer(w http.ResponseWriter) {
	status := f.status()
	if status == 0 {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset instead of a normal end
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

// check panics if e cannot fail with f.
func (f Failure) check(e Endpoint) {
	switch {
	case f.Status >= minCloseCode && e == Streaming && !f.Reset:
		checkCloseCode(f.Status, f.Body)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		panic(fmt.Sprintf("ffctest: HTTP status %d is invalid", f.Status))
	}
}
