package ffctest

import (
	"bufio"
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

const (
	closeInvalid       = 4003
	closeInvalidReason = "invalid request, close by server"
)

// serveStreaming upgrades to a websocket and serves it until it ends. It checks the
// token before the upgrade, so that a client is registered for pushes when its dial
// returns. A rejection still follows the upgrade, as a close frame.
func (s *Server) serveStreaming(w http.ResponseWriter, r *http.Request) {
	if !isUpgrade(r) {
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
		s.refuse(w, r, closeInvalid, "")
		return
	}

	c := &socket{
		server: s,
		syncs:  r.URL.Query().Get("type") == "server",
		wake:   make(chan struct{}, 1),
		gone:   make(chan struct{}),
		peer:   newPeer(Streaming, r),
	}
	s.register(c)
	defer s.cut(c)
	up := &upgrade{ResponseWriter: w, server: s, socket: c}
	if ws, err := accept(up, r); err == nil {
		defer s.release(up.conn, ws)
		// Cutting the connection ends its reads and writes; the request's context
		// is not needed.
		c.serve(context.WithoutCancel(r.Context()), ws)
	}
}

// refuse upgrades and closes the websocket at once. It waits at most 5 s for the
// client's close frame.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, code int, reason string) {
	if code == closeInvalid && reason == "" {
		reason = closeInvalidReason
	}
	up := &upgrade{ResponseWriter: w, server: s}
	ws, err := accept(up, r)
	if err != nil {
		return
	}
	defer s.release(up.conn, ws)
	_ = ws.Close(websocket.StatusCode(code), reason) // the client may be gone
}

// accept upgrades as the platform does: any origin, no compression.
func accept(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	return websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
}

// upgrade records the connection of a websocket, so that the server can cut it.
type upgrade struct {
	http.ResponseWriter
	server *Server
	socket *socket // nil if the websocket is refused
	conn   net.Conn
}

// Hijack implements [http.Hijacker].
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.conn = conn
	u.server.hold(conn, u.socket)
	return conn, buffered, nil
}

// hold records the connection of a websocket, or cuts it if the server is closed or
// the websocket was cut before.
func (s *Server) hold(conn net.Conn, c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hijacked[conn] = struct{}{}
	if c != nil {
		c.conn = conn
	}
	if s.closed || c != nil && c.dead {
		_ = conn.Close()
	}
}

// release removes the connection of a websocket that has ended.
func (s *Server) release(conn net.Conn, ws *websocket.Conn) {
	_ = ws.CloseNow()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hijacked, conn)
}

// isUpgrade reports whether r is a valid websocket handshake. The platform handles
// any other request as a request for an unknown path.
func isUpgrade(r *http.Request) bool {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) &&
		hasToken(r.Header.Values("Connection"), "upgrade") &&
		hasToken(r.Header.Values("Upgrade"), "websocket") &&
		r.Header.Get("Sec-WebSocket-Version") == "13" && err == nil && len(key) == 16
}

func hasToken(values []string, token string) bool {
	return slices.ContainsFunc(values, func(value string) bool {
		return slices.ContainsFunc(strings.Split(value, ","), func(part string) bool {
			return strings.EqualFold(strings.TrimSpace(part), token)
		})
	})
}
