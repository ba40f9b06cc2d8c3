package faults

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Liar is a server that accepts websockets and sends given bytes on them. To
// any other request it responds with 503.
type Liar struct {
	// URL is http://host:port, on loopback.
	URL string

	say      func() []byte
	linger   bool
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	opened int
	closed bool
}

// NewLiar starts a server that sends the result of say on each websocket, after
// the client's first bytes. Then it closes the connection or, if linger is set,
// reads until the client closes.
func NewLiar(linger bool, say func() []byte) (*Liar, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Liar{
		URL: "http://" + listener.Addr().String(), say: say, linger: linger,
		listener: listener, conns: make(map[net.Conn]struct{}),
	}
	l.running.Go(l.accept)
	return l, nil
}

// Opened returns the number of websockets so far.
func (l *Liar) Opened() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened
}

// Close ends the server and all connections.
func (l *Liar) Close() {
	l.mu.Lock()
	l.closed = true
	_ = l.listener.Close()
	for conn := range l.conns {
		_ = conn.Close()
	}
	l.mu.Unlock()
	l.running.Wait()
}

func (l *Liar) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		l.conns[conn] = struct{}{}
		if l.closed {
			_ = conn.Close()
		}
		l.mu.Unlock()
		l.running.Go(func() {
			l.serve(conn)
			_ = conn.Close()
			l.mu.Lock()
			delete(l.conns, conn)
			l.mu.Unlock()
		})
	}
}

func (l *Liar) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if r.Header.Get("Upgrade") == "" {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	l.mu.Lock()
	l.opened++
	l.mu.Unlock()
	accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Date: "+time.Now().UTC().Format(http.TimeFormat)+"\r\n"+
		"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(accept[:])+"\r\n\r\n")
	if _, err := in.ReadByte(); err != nil {
		return
	}
	_, _ = conn.Write(l.say())
	if l.linger {
		_, _ = io.Copy(io.Discard, in)
	}
}

// Opcodes of websocket frames.
const (
	Continuation = 0x0
	Text         = 0x1
	Binary       = 0x2
	CloseFrame   = 0x8
	Ping         = 0x9
	Final        = 0x80
)

// Frame returns a websocket frame of a server. first has the opcode and flags.
func Frame(first byte, payload []byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	return append(frame, payload...)
}

// Closing returns a close frame with a code.
func Closing(code uint16) []byte {
	return Frame(Final|CloseFrame, binary.BigEndian.AppendUint16(nil, code))
}
