package ffctest

import (
	"context"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// minCloseCode is the lowest code of a close frame. It is above any HTTP status.
const minCloseCode = 1000

// Connections returns the number of connected clients: websockets that passed the
// token check and have not ended. It does not count websockets that the server is
// closing.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// WaitConnections blocks until exactly n clients are connected, even if only for a
// moment. After DropConnections and CloseConnections no client is connected, so a
// wait for 1 is a wait for the reconnect. WaitConnections fails if ctx ends or the
// server is closed.
func (s *Server) WaitConnections(ctx context.Context, n int) error {
	if err := s.wait(ctx, func() bool { return len(s.sockets) == n }); err != nil {
		return errWait(n, s.Connections(), "connections", err)
	}
	return nil
}

// DropConnections cuts the connections of all clients without a close frame, as a
// crash or a proxy does.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		s.cutLocked(c)
	}
}

// CloseConnections closes the connections of all clients with a close frame, after
// the queued messages unless the endpoint is stalled. It does not wait for the
// clients. Code is 1000 to 1014, except 1004 and 1006, or 3000 to 4999; 1005 is a
// close frame without a code. Reason has at most 123 bytes. CloseConnections panics
// if code or reason is invalid.
func (s *Server) CloseConnections(code int, reason string) {
	checkCloseCode(code, reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		c.bye = &platformserver.Close{Code: code, Reason: reason}
		c.Poke()
		delete(s.sockets, c)
	}
	s.changed()
	s.peersChanged()
}

// Send sends a text frame to every connected client, unchanged: for messages that
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
