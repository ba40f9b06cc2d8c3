package ffctest

import (
	"net/http"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// serveStreaming upgrades to a websocket and serves it until it ends. It checks the
// token before the upgrade, so that a client is registered for pushes when its dial
// returns. A rejection still follows the upgrade, as a close frame.
func (s *Server) serveStreaming(w http.ResponseWriter, r *http.Request) {
	if !platformserver.IsUpgrade(r) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	index := s.arrived(Streaming, r, nil)
	if f, ok := s.failure(Streaming); ok {
		s.answered(Streaming, index, f.status())
		if f.Status >= minCloseCode {
			s.refuse(w, r, f.Status, f.Body)
		} else {
			f.answer(w)
		}
		return
	}
	s.answered(Streaming, index, http.StatusSwitchingProtocols)
	if !s.protocol.authentic(r.URL.Query(), s.now()) {
		s.refuse(w, r, platformserver.CloseInvalid, "")
		return
	}
	c := &socket{server: s, syncs: r.URL.Query().Get("type") == "server", peer: newPeer(Streaming, r)}
	c.Socket = platformserver.NewSocket(s.protocol.wire(), c, platformserver.Limits{})
	s.register(c)
	defer s.cut(c)
	defer s.hold(c.Socket)()
	c.Serve(w, r)
}

// refuse upgrades and closes the websocket at once. It waits at most 5 s for the
// client's close frame.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, code int, reason string) {
	if code == platformserver.CloseInvalid && reason == "" {
		reason = platformserver.CloseInvalidReason
	}
	c := platformserver.NewSocket(s.protocol.wire(), nil, platformserver.Limits{})
	defer s.hold(c)()
	c.Refuse(w, r, platformserver.Close{Code: code, Reason: reason})
}

// hold records a websocket until release is called, or cuts it if the server is
// closed.
func (s *Server) hold(c *platformserver.Socket) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = struct{}{}
	if s.closed {
		c.Cut()
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
	}
}
