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
type requestLog struct {
	kept      []Request
	forgotten int // how many arrived before those
}

func (l *requestLog) arrived() int { return l.forgotten + len(l.kept) }

// Requests returns every request to e so far that the server keeps, which is
// all of them but for what [HandlerConfig] says, in order of arrival: upgrades for
// Streaming, bodies with events for Events, requests for all flags for Polling.
// Requests for paths and methods that the platform does not have are not among
// them. The headers and bodies are the server's own and must not be changed.
func (s *Server) Requests(e Endpoint) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests[e].kept...)
}

// WaitRequests blocks until at least n requests to e have arrived, answered or
// not, and returns what Requests does, also along with an error. The error is that of
// ctx, or says that the server is closed.
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

// answered records what a request comes to, before its client can know.
func (s *Server) answered(e Endpoint, index, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if log := &s.requests[e]; index >= log.forgotten {
		log.kept[index-log.forgotten].Status = status
	}
}

// forget shortens list to the last keep, unless that is 0, and returns how many
// are gone.
func forget[T any](list *[]T, keep int) int {
	n := len(*list) - max(keep, 0)
	if keep == 0 || n <= 0 {
		return 0
	}
	clear((*list)[:n]) // not kept alive by the array
	*list = (*list)[n:]
	return n
}

// servePolling answers a request for all flags.
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

// poll judges a request and writes the answer.
func (s *Server) poll(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.protocol.poll(r, &s.store)
}

// write answers. The client may be gone.
func (a reply) write(w http.ResponseWriter) {
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
