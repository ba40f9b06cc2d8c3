package ffctest

import (
	"context"
	"fmt"

	"github.com/coder/websocket"
)

// minCloseCode is the lowest code of a close frame, above any HTTP status.
const minCloseCode = 1000

// Connections returns how many clients are connected: websockets that passed
// the token check and have not ended. One that is being cut or closed by this
// server does not count any more.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// WaitConnections blocks until exactly n clients are connected, if only for a
// moment. Exactly, so that it can wait for clients to leave; and since
// DropConnections and CloseConnections leave none behind, a wait for 1 after
// them is a wait for the reconnect. The error is that of ctx, or says that the
// server is closed.
func (s *Server) WaitConnections(ctx context.Context, n int) error {
	if err := s.wait(ctx, func() bool { return len(s.sockets) == n }); err != nil {
		return errWait(n, s.Connections(), "connections", err)
	}
	return nil
}

// DropConnections cuts all clients off without a close frame, as a crash or a
// proxy does.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		s.cutLocked(c)
	}
}

// CloseConnections closes all clients with a close frame, after what is already
// queued for them unless the endpoint is stalled. Code is 1000 to 1014 or 3000
// to 4999 and may be sent on the wire; 1005 stands for a frame without a code.
// Reason has at most 123 bytes. It panics otherwise, and does not wait for the
// clients.
func (s *Server) CloseConnections(code int, reason string) {
	checkCloseCode(code, reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		c.bye = &closeFrame{code: websocket.StatusCode(code), reason: reason}
		c.poke()
		delete(s.sockets, c)
	}
	s.changed()
	s.peersChanged()
}

// Send sends any text frame to every connected client, as it is: for input that
// the platform would not send.
func (s *Server) Send(frame []byte) {
	frame = append([]byte{}, frame...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		s.enqueue(c, frame)
	}
}

func checkCloseCode(code int, reason string) {
	switch {
	case code == 1004 || code == 1006 || code < minCloseCode || code > 1014 && code < 3000 || code > 4999:
		panic(fmt.Sprintf("ffctest: a close frame cannot have code %d", code))
	case len(reason) > 123:
		panic("ffctest: the reason of a close frame has at most 123 bytes")
	}
}
