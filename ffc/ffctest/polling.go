package ffctest

import "net/http"

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
