package ffctest

import (
	"context"
	"net/http"
)

// Request is one request of a client, whatever became of it.
type Request struct {
	Header http.Header
	Body   []byte
	// Status is the HTTP status answered; 0 means no answer, or none yet. That
	// of an upgrade is 101, also when a close code follows.
	Status int
}

// requestLog is what arrived at an endpoint. The server's lock guards it.
type requestLog []Request

// Requests returns every request to e so far, in order of arrival: upgrades for
// Streaming, bodies with events for Events, requests for all flags for Polling.
// Requests for paths and methods that the platform does not have are not among
// them. The headers and bodies are the server's own and must not be changed.
func (s *Server) Requests(e Endpoint) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests[e]...)
}

// WaitRequests blocks until at least n requests to e have arrived, answered or
// not, and returns all of them, also along with an error. The error is that of
// ctx, or says that the server is closed.
func (s *Server) WaitRequests(ctx context.Context, e Endpoint, n int) ([]Request, error) {
	err := s.wait(ctx, func() bool { return len(s.requests[e]) >= n })
	requests := s.Requests(e)
	if err != nil {
		return requests, errWait(n, len(requests), "requests to "+e.String(), err)
	}
	return requests, nil
}

// arrived records a request and returns its place in the log.
func (s *Server) arrived(e Endpoint, r *http.Request, body []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[e] = append(s.requests[e], Request{Header: r.Header.Clone(), Body: body})
	s.changed()
	return len(s.requests[e]) - 1
}

// answered records what a request comes to, before its client can know.
func (s *Server) answered(e Endpoint, index, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[e][index].Status = status
}
