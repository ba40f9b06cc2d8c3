package ffctest

import (
	"context"
	"encoding/json"
	"net"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// maxQueued is the maximum number of queued bytes of a client that does not
	// read; above it the client is cut. One message may always wait.
	maxQueued = 64 << 20
	// maxRequests is the maximum number of queued requests of a client.
	maxRequests = 1024
)

// socket is a websocket that passed the token check. The goroutine of its handler
// reads, another goroutine writes from queues: no other goroutine waits for the
// client.
type socket struct {
	server *Server
	syncs  bool          // gets flags: of type server, not client
	wake   chan struct{} // capacity 1: there may be something to write
	gone   chan struct{} // closed when the connection is cut

	// The server's lock guards what follows.
	conn     net.Conn // nil until the upgrade
	peer     Peer
	pushes   [][]byte
	queued   int // bytes in pushes
	requests []request
	bye      *closeFrame // sent when the queues are empty
	dead     bool        // gone is closed
}

type closeFrame struct {
	code   websocket.StatusCode
	reason string
}

// serve reads and writes until the connection has ended.
func (c *socket) serve(ctx context.Context, ws *websocket.Conn) {
	var writer sync.WaitGroup
	writer.Go(func() {
		c.write(ctx, ws)
	})
	c.read(ctx, ws)
	c.server.cut(c)
	writer.Wait()
}

// read queues requests until the connection ends.
func (c *socket) read(ctx context.Context, ws *websocket.Conn) {
	for {
		kind, frame, err := ws.Read(ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			continue
		}
		if r, ok := c.server.protocol.request(frame); ok && (r.ping || c.syncs) {
			c.server.request(c, r)
		}
	}
}

// write writes what is queued until the connection ends.
func (c *socket) write(ctx context.Context, ws *websocket.Conn) {
	for {
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
		for {
			frame, bye := c.server.next(c)
			if bye != nil {
				_ = ws.Close(bye.code, bye.reason) // the client may be gone
				return
			}
			if frame == nil {
				break
			}
			if err := ws.Write(ctx, websocket.MessageText, frame); err != nil {
				c.server.cut(c)
				return
			}
		}
	}
}

// next removes the next message of c from its queues, or returns the close frame.
// Pushes overtake responses, as on the platform. So tests can make a patch arrive
// before the full message: Stall, connect, Put, resume.
func (s *Server) next(c *socket) ([]byte, *closeFrame) {
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
func (s *Server) request(c *socket, r request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.peer.Seen = time.Now()
	s.peersChanged()
	if len(c.requests) == maxRequests {
		s.cutLocked(c)
		return
	}
	c.requests = append(c.requests, r)
	c.poke()
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
	c.poke()
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
	close(c.gone)
	if c.conn != nil {
		_ = c.conn.Close()
	}
	delete(s.sockets, c)
	s.changed()
	s.peersChanged()
}

// poke wakes the writer.
func (c *socket) poke() {
	select {
	case c.wake <- struct{}{}:
	default: // already woken
	}
}

// request is a message of a client that gets a response.
type request struct {
	ping  bool
	since int64 // the client's version; 0 requests all data
}

// parseRequest reads the members of a message.
func parseRequest(message map[string]json.RawMessage) (request, bool) {
	switch string(message["messageType"]) {
	case `"ping"`:
		return request{ping: true}, true
	case `"data-sync"`:
		data := decodeObject(message["data"])
		if data == nil {
			return request{}, false
		}
		var since integer
		if raw, ok := data["timestamp"]; ok {
			if err := json.Unmarshal(raw, &since); err != nil || since < 0 {
				return request{}, false
			}
		}
		return request{since: int64(since)}, true
	}
	return request{}, false
}

// answer returns the response to r. The lock is held.
func (s *Server) answer(r request) []byte {
	if r.ping {
		return []byte(s.protocol.pong())
	}
	since := s.store.since(r.since)
	if since == 0 {
		return s.protocol.message("full", s.store.all(s.protocol.visible))
	}
	return s.protocol.message("patch", s.store.all(func(e entity) bool {
		return s.protocol.visible(e) && e.version > since
	}))
}
