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
		f.answer(w, r)
		return
	}
	status, answer := s.poll(r)
	s.answered(Polling, index, status)
	if answer != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the client may be gone
}

// poll judges a request and writes the answer.
func (s *Server) poll(r *http.Request) (status int, answer []byte) {
	env, ok := parseSecret(requestSecret(r))
	if !ok {
		return http.StatusUnauthorized, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var entities [kinds][]entity
	if env == s.classic.env { // any other well-formed secret finds nothing
		entities = s.store.all(visible)
	}
	return http.StatusOK, s.classic.polled(entities)
}
