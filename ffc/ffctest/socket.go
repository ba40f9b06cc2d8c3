package ffctest

import (
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

const (
	// maxQueued is the maximum number of queued bytes of a client that does not
	// read; above it the client is cut. One message may always wait.
	maxQueued = 64 << 20
	// maxRequests is the maximum number of queued requests of a client.
	maxRequests = 1024
)

// socket is a websocket that passed the token check. It is written from queues: no
// goroutine of others waits for the client.
type socket struct {
	*platformserver.Socket
	server *Server
	syncs  bool // gets flags: of type server, not client

	// The server's lock guards what follows.
	peer     Peer
	pushes   [][]byte
	queued   int // bytes in pushes
	requests []platformserver.Request
	bye      *platformserver.Close // sent when the queues are empty
	dead     bool                  // the connection is cut
}

// Received implements platformserver.Owner.
func (c *socket) Received(r platformserver.Request) {
	if r.Ping || c.syncs {
		c.server.request(c, r)
	}
}

// Next implements platformserver.Owner.
func (c *socket) Next() ([]byte, *platformserver.Close) { return c.server.next(c) }

// next removes the next message of c from its queues, or returns the close frame.
// Pushes overtake responses, as on the platform. So tests can make a patch arrive
// before the full message: Stall, connect, Put, resume.
func (s *Server) next(c *socket) ([]byte, *platformserver.Close) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stalled := s.faults.stalls[Streaming].count > 0
	if c.bye != nil && (stalled || len(c.pushes)+len(c.requests) == 0) {
		return nil, c.bye
	}
	switch {
	case stalled:
		return nil, nil
	case len(c.pushes) > 0:
		frame := c.pushes[0]
		c.pushes[0] = nil // or the queue keeps it alive
		c.pushes = c.pushes[1:]
		c.queued -= len(frame)
		return frame, nil
	case len(c.requests) > 0:
		r := c.requests[0]
		c.requests = c.requests[1:]
		return s.answer(r), nil
	}
	return nil, nil
}

func (s *Server) register(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[c] = struct{}{}
	s.streamed = true
	c.peer.ID = s.peers.nextID()
	s.changed()
	s.peersChanged()
}

// request queues r for a response.
func (s *Server) request(c *socket, r platformserver.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.peer.Seen = time.Now()
	s.peersChanged()
	if len(c.requests) == maxRequests {
		s.cutLocked(c)
		return
	}
	c.requests = append(c.requests, r)
	c.Poke()
}

// push queues frame for every client that gets flags. The lock is held.
func (s *Server) push(frame []byte) {
	for c := range s.sockets {
		if c.syncs {
			s.enqueue(c, frame)
		}
	}
}

// enqueue queues frame for c, or cuts c if its queue is full. The lock is held.
func (s *Server) enqueue(c *socket, frame []byte) {
	if c.queued > 0 && c.queued+len(frame) > maxQueued {
		s.cutLocked(c)
		return
	}
	c.pushes = append(c.pushes, frame)
	c.queued += len(frame)
	c.Poke()
}

// cut ends c without a close frame.
func (s *Server) cut(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutLocked(c)
}

func (s *Server) cutLocked(c *socket) {
	if c.dead {
		return
	}
	c.dead = true
	c.Cut()
	delete(s.sockets, c)
	s.changed()
	s.peersChanged()
}

// answer returns the response to r. The lock is held.
func (s *Server) answer(r platformserver.Request) []byte {
	w := s.protocol.wire()
	if r.Ping {
		return []byte(w.Pong)
	}
	since := s.store.since(r.Since)
	if since == 0 {
		return message(w, "full", s.store.all(s.protocol.visible))
	}
	return message(w, "patch", s.store.all(func(e entity) bool {
		return s.protocol.visible(e) && e.version > since
	}))
}
