package stream_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// platform is a scripted server. The test accepts each connection and says,
// byte for byte, what happens on it.
type platform struct {
	t       *testing.T
	url     string // ws://host
	http    *http.Client
	timeout time.Duration // how long the test waits for the client
	conns   chan net.Conn

	// name is the platform's name; "" is classic.
	name string
	// onDial, if set before a client starts, is called for each dial.
	onDial func(context.Context) error

	mu     sync.Mutex
	tokens []string
}

// inMemory returns a platform that can be used in a bubble. A write to one of
// its connections takes until the other side has read it.
func inMemory(t *testing.T) *platform {
	p := &platform{t: t, url: "ws://platform.test", timeout: time.Hour, conns: make(chan net.Conn, 16)}
	p.useDialer(func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case p.conns <- far:
			return near, nil
		default:
			return nil, errors.New("connection refused")
		}
	})
	return p
}

// onLoopback returns a platform that listens on a real port.
func onLoopback(t *testing.T) *platform {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{t: t, url: "ws://" + listener.Addr().String(), timeout: 20 * time.Second, conns: make(chan net.Conn, 16)}
	p.useDialer((&net.Dialer{}).DialContext)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.conns <- conn
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
	})
	return p
}

func (p *platform) useDialer(dial func(context.Context, string, string) (net.Conn, error)) {
	rt := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if p.onDial != nil {
			if err := p.onDial(ctx); err != nil {
				return nil, err
			}
		}
		return dial(ctx, network, address)
	}}
	p.t.Cleanup(rt.CloseIdleConnections)
	p.http = &http.Client{Transport: rt}
}

// accept waits for the next attempt to connect and reads its request.
func (p *platform) accept() *peer {
	p.t.Helper()
	c := &peer{p: p}
	select {
	case c.conn = <-p.conns:
	case <-time.After(p.timeout):
		p.t.Fatal("the client does not connect")
	}
	c.at = time.Now()
	p.t.Cleanup(func() { _ = c.conn.Close() })
	c.buffer = bufio.NewReader(c.conn)
	_ = c.conn.SetDeadline(time.Now().Add(p.timeout))
	var err error
	if c.request, err = http.ReadRequest(c.buffer); err != nil {
		p.t.Fatalf("reading the handshake: %v", err)
	}
	_ = c.conn.SetDeadline(time.Time{})
	p.mu.Lock()
	p.tokens = append(p.tokens, c.token())
	p.mu.Unlock()
	return c
}

// peer is the platform's end of a connection.
type peer struct {
	p       *platform
	conn    net.Conn
	buffer  *bufio.Reader
	at      time.Time // of the attempt
	request *http.Request

	frames chan frame // what the client sent; closed at the end
	over   time.Time  // when that was
}

func (c *peer) token() string { return c.request.URL.Query().Get("token") }

// write writes bytes as they are.
func (c *peer) write(b []byte) {
	c.p.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.p.t.Errorf("the platform cannot write: %v", err)
	}
}

// respond answers the handshake with lines of HTTP.
func (c *peer) respond(lines ...string) {
	c.p.t.Helper()
	c.write([]byte(strings.Join(lines, "\r\n")))
}

// refuse answers the handshake with a status of HTTP and no body.
func (c *peer) refuse(status string, headers ...string) {
	c.p.t.Helper()
	lines := append([]string{"HTTP/1.1 " + status, "Content-Length: 0", "Connection: close"}, headers...)
	c.respond(append(lines, "", "")...)
}

// upgrade accepts the handshake and begins to read.
func (c *peer) upgrade(headers ...string) *peer {
	c.p.t.Helper()
	c.accepted(headers...)
	c.listen()
	return c
}

// accepted accepts the handshake; nothing the client sends is read.
func (c *peer) accepted(headers ...string) {
	c.p.t.Helper()
	sum := sha1.Sum([]byte(c.request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	lines := append([]string{
		"HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]),
	}, headers...)
	c.respond(append(lines, "", "")...)
}

// listen reads what the client sends until it closes the connection.
func (c *peer) listen() {
	c.frames = make(chan frame, 1<<14)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(c.frames)
		for {
			f, err := readFrame(c.buffer)
			if err != nil {
				c.over = time.Now()
				return
			}
			c.frames <- f
		}
	})
	c.p.t.Cleanup(func() {
		_ = c.conn.Close()
		reading.Wait()
	})
}

// next returns the next frame, or false at the end.
func (c *peer) next() (frame, bool) {
	c.p.t.Helper()
	select {
	case f, ok := <-c.frames:
		return f, ok
	case <-time.After(c.p.timeout):
		c.p.t.Fatal("the client neither sends nor closes")
	}
	return frame{}, false
}

// expect checks the next frame and returns it.
func (c *peer) expect(op byte, payload string) frame {
	c.p.t.Helper()
	f, ok := c.next()
	if !ok {
		c.p.t.Fatalf("the connection ended, want %q", payload)
	}
	if f.op != op || f.payload != payload {
		c.p.t.Errorf("got frame %d %q, want %d %q", f.op, f.payload, op, payload)
	}
	return f
}

// end waits until the client has closed the connection and returns when that
// was and the close frame it sent, if any.
func (c *peer) end() (at time.Time, bye frame) {
	c.p.t.Helper()
	for {
		f, ok := c.next()
		if !ok {
			return c.over, bye
		}
		if f.op == opClose {
			bye = f
		}
	}
}

// send sends a message.
func (c *peer) send(message string) {
	c.p.t.Helper()
	c.frame(true, opText, message)
}

// frame sends a frame.
func (c *peer) frame(final bool, op byte, payload string) {
	c.p.t.Helper()
	c.write(append(head(final, op, len(payload)), payload...))
}

// closeWith sends a close frame.
func (c *peer) closeWith(code int, reason string) {
	c.p.t.Helper()
	c.frame(true, opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// cut ends the connection without a close frame.
func (c *peer) cut() { _ = c.conn.Close() }

// reset ends the connection with an error for the client.
func (c *peer) reset() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.conn.Close()
}

// answerPings answers keep-alive messages for some time.
func (c *peer) answerPings(d time.Duration) {
	c.p.t.Helper()
	over := time.After(d)
	for {
		select {
		case f, ok := <-c.frames:
			if !ok {
				c.p.t.Fatal("the connection ended")
			}
			if f.payload == ping {
				c.send(pong)
			}
		case <-over:
			return
		}
	}
}

// What goes over the wire.
const (
	syncRequest = `{"messageType":"data-sync","data":{"timestamp":0}}`
	ping        = `{"messageType":"ping","data":null}`
	pong        = `{"messageType":"pong","data":null}`
	full        = `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[]}}`
	patch       = `{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[],"segments":[]}}`
)

// bigFull is a full of that many bytes.
func bigFull(size int) string {
	const front, back = `{"messageType":"data-sync","data":{"eventType":"full","padding":"`, `","featureFlags":[]}}`
	return front + strings.Repeat("x", size-len(front)-len(back)) + back
}
