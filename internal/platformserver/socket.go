package platformserver

import (
	"bufio"
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Owner is what a Socket reads for and writes from.
type Owner interface {
	// Received is called with each message that gets a response. The calls come one
	// after the other.
	Received(Request)
	// Next returns the next message to write and removes it from what waits. nil and
	// nil is nothing; a Close ends the websocket. It must not block. The calls come
	// one after the other.
	Next() (message []byte, end *Close)
}

// Close is how a websocket ends: with a close frame.
type Close struct {
	Code   int
	Reason string
}

// Limits bound what a client can cost. 0 is no limit, except where it says so.
type Limits struct {
	// Message is the size of the largest message that is read, in bytes. 0 is 32 KiB.
	Message int64
	// Write is how long one message may take to be written; a large one may take a
	// fifth of it longer for each MiB.
	Write time.Duration
	// Close is how long the close handshake may take. 0 is what the websocket library
	// allows, about 10 s.
	Close time.Duration
}

// Socket is a websocket of a client. While there is nothing to write it has one
// goroutine, that of its HTTP handler, which reads. All methods may be called
// concurrently; only Serve and Probe block.
type Socket struct {
	wire   *Wire
	owner  Owner // nil reads and writes nothing
	limits Limits
	seen   atomic.Int64 // when something arrived, in Unix ns

	mu      sync.Mutex
	conn    net.Conn        // nil until the upgrade
	ws      *websocket.Conn // nil until the upgrade is done
	dead    bool
	writing bool // a goroutine writes
	poked   bool // there may be something to write
	writers sync.WaitGroup
}

// NewSocket returns a socket before its upgrade: it can be poked and cut already.
func NewSocket(wire *Wire, owner Owner, limits Limits) *Socket {
	s := &Socket{wire: wire, owner: owner, limits: limits}
	s.saw()
	return s
}

// Serve upgrades the connection of a request, as the platforms do: any origin, no
// compression. It reads and writes until the connection has ended and all goroutines
// of the socket, too. It does nothing else if the upgrade fails.
func (s *Socket) Serve(w http.ResponseWriter, r *http.Request) {
	ws, err := s.accept(w, r)
	if err != nil {
		return
	}
	// Cutting the connection ends its reads and writes; the request's context is not
	// needed.
	ctx := context.WithoutCancel(r.Context())
	s.read(ctx, ws)
	s.Cut()
	s.writers.Wait()
	_ = ws.CloseNow()
}

// Refuse upgrades the connection and closes the websocket at once.
func (s *Socket) Refuse(w http.ResponseWriter, r *http.Request, end Close) {
	ws, err := s.accept(w, r)
	if err != nil {
		return
	}
	s.close(ws, &end)
	s.Cut()
	_ = ws.CloseNow()
}

func (s *Socket) accept(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	ws, err := websocket.Accept(&upgrade{w, s}, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true,
		OnPongReceived:     func(context.Context, []byte) { s.saw() },
		OnPingReceived:     func(context.Context, []byte) bool { s.saw(); return true },
	})
	if err != nil {
		return nil, err
	}
	if s.limits.Message > 0 {
		ws.SetReadLimit(s.limits.Message)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ws = ws
	s.startLocked()
	return ws, nil
}

// upgrade records the connection of a websocket, so that it can be cut.
type upgrade struct {
	http.ResponseWriter
	socket *Socket
}

// Hijack implements [http.Hijacker].
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.socket.mu.Lock()
	defer u.socket.mu.Unlock()
	u.socket.conn = conn
	if u.socket.dead {
		_ = conn.Close()
	}
	return conn, buffered, nil
}

// read reads messages until the connection ends.
func (s *Socket) read(ctx context.Context, ws *websocket.Conn) {
	for {
		kind, frame, err := ws.Read(ctx)
		if err != nil {
			return
		}
		s.saw()
		if kind != websocket.MessageText || s.owner == nil {
			continue
		}
		if r, ok := s.wire.Request(frame); ok {
			s.owner.Received(r)
		}
	}
}

// Poke makes the socket write what its owner has.
func (s *Socket) Poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.poked = true
	s.startLocked()
}

// startLocked starts a goroutine that writes, unless there is one. The lock is held.
func (s *Socket) startLocked() {
	if s.writing || s.dead || !s.poked || s.ws == nil || s.owner == nil {
		return
	}
	s.writing = true
	ws := s.ws
	s.writers.Go(func() { s.write(ws) })
}

// write writes what the owner has, until there is nothing more.
func (s *Socket) write(ws *websocket.Conn) {
	for s.more() {
		for {
			message, end := s.owner.Next()
			if end != nil {
				s.close(ws, end)
				s.Cut()
				return
			}
			if message == nil {
				break
			}
			if s.limits.Write > 0 {
				within := s.limits.Write + s.limits.Write/5*time.Duration(len(message)>>20)
				_ = s.conn.SetWriteDeadline(time.Now().Add(within)) // if it fails, so does the write
			}
			if err := ws.Write(context.Background(), websocket.MessageText, message); err != nil {
				s.Cut()
				return
			}
			if s.limits.Write > 0 {
				_ = s.conn.SetWriteDeadline(time.Time{}) // pongs are written as well
			}
		}
	}
}

// more reports whether the socket was poked, and otherwise ends the goroutine that
// writes.
func (s *Socket) more() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poked && !s.dead {
		s.poked = false
		return true
	}
	s.writing = false
	return false
}

func (s *Socket) close(ws *websocket.Conn, end *Close) {
	if s.limits.Close > 0 {
		_ = s.conn.SetDeadline(time.Now().Add(s.limits.Close))
	}
	_ = ws.Close(websocket.StatusCode(end.Code), end.Reason) // the client may be gone
}

// Cut ends the connection without a close frame.
func (s *Socket) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return
	}
	s.dead = true
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// Silent returns how long nothing has arrived.
func (s *Socket) Silent() time.Duration { return time.Duration(time.Now().UnixNano() - s.seen.Load()) }

func (s *Socket) saw() { s.seen.Store(time.Now().UnixNano()) }

// Probe sends a ping frame, and cuts the connection if the client does not respond
// within a time. It blocks for at most that time.
func (s *Socket) Probe(within time.Duration) {
	s.mu.Lock()
	ws := s.ws
	s.mu.Unlock()
	if ws == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if ws.Ping(ctx) != nil {
		s.Cut()
	}
}

// IsUpgrade reports whether r is a valid websocket handshake. The platforms handle
// any other request as a request for an unknown path.
func IsUpgrade(r *http.Request) bool {
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
