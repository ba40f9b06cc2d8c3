package ffctest

import (
	"context"
	"net/http"
)

// Request is one request of a client, including requests that failed.
type Request struct {
	Header http.Header
	Body   []byte
	// Status is the HTTP status of the response; 0 means no response, or none yet.
	// The status of an upgrade is 101, even if a close code follows.
	Status int
}

// requestLog has the requests to an endpoint. The server's lock guards it.
type requestLog struct {
	kept      []Request
	forgotten int // how many arrived before kept
}

func (l *requestLog) arrived() int { return l.forgotten + len(l.kept) }

// Requests returns the requests to e so far, in order of arrival: all of them,
// unless HandlerConfig.Keep limits how many the server keeps. They are upgrades for
// Streaming, deliveries for Events, and fetches for Polling. Requests with a path or
// method that the platform does not have are not included. Callers must not change
// the headers and bodies.
func (s *Server) Requests(e Endpoint) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests[e].kept...)
}

// WaitRequests blocks until at least n requests to e have arrived, with or without
// a response, and returns what Requests returns. It fails if ctx ends or the server
// is closed, and then also returns the requests so far.
func (s *Server) WaitRequests(ctx context.Context, e Endpoint, n int) ([]Request, error) {
	err := s.wait(ctx, func() bool { return s.requests[e].arrived() >= n })
	s.mu.Lock()
	arrived := s.requests[e].arrived()
	s.mu.Unlock()
	if err != nil {
		return s.Requests(e), errWait(n, arrived, "requests to "+e.String(), err)
	}
	return s.Requests(e), nil
}

// arrived records a request and returns its number.
func (s *Server) arrived(e Endpoint, r *http.Request, body []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := &s.requests[e]
	log.kept = append(log.kept, Request{Header: r.Header.Clone(), Body: body})
	log.forgotten += forget(&log.kept, s.keep)
	s.changed()
	return log.arrived() - 1
}

// answered records the status of a request, before the client gets the response.
func (s *Server) answered(e Endpoint, index, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if log := &s.requests[e]; index >= log.forgotten {
		log.kept[index-log.forgotten].Status = status
	}
}

// forget shortens list to the last keep elements, and returns how many it removed.
// A keep of 0 is all.
func forget[T any](list *[]T, keep int) int {
	n := len(*list) - max(keep, 0)
	if keep == 0 || n <= 0 {
		return 0
	}
	clear((*list)[:n]) // or the array keeps them alive
	*list = (*list)[n:]
	return n
}

// servePolling responds to a fetch.
func (s *Server) servePolling(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	index := s.arrived(Polling, r, nil)
	if !s.awaitResume(r.Context(), Polling) {
		panic(http.ErrAbortHandler)
	}
	if f, ok := s.failure(Polling); ok {
		s.answered(Polling, index, f.status())
		f.answer(w)
		return
	}
	answer := s.poll(r)
	if answer.status == http.StatusOK {
		s.polled(r)
	}
	s.answered(Polling, index, answer.status)
	answer.write(w)
}

// poll returns the response to a fetch.
func (s *Server) poll(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.protocol.poll(r, &s.store)
}

// write writes the response. The client may be gone.
func (a reply) write(w http.ResponseWriter) {
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
