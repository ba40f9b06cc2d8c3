package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// closeTimeout limits the wait for the platform's close frame.
	closeTimeout = 500 * time.Millisecond
	// messageTimeout limits the time from the first byte of a message to its last.
	messageTimeout = 2 * time.Minute
	// bufferSize is the size of the largest message that needs no buffer of its own.
	bufferSize = 4 << 10
)

// wsConn is an open websocket, and the timer that cuts it when nothing arrives.
//
// No call of the websocket library gets a context that ends. Its Close takes
// none, and waits for seconds, or without a limit if the platform stops inside a
// frame. Closing the socket ends every call.
type wsConn struct {
	ws      *websocket.Conn
	socket  *socket
	silence *time.Timer
	cause   atomic.Pointer[error] // why this end cut the connection; nil if it did not
	buffer  [bufferSize]byte
}

// watch cuts the connection when nothing arrives for a time.
func (l *wsConn) watch(timeout time.Duration) {
	l.silence = time.AfterFunc(timeout, func() { l.cut(errSilent) })
	l.socket.heard = func() { l.silence.Reset(timeout) }
}

// send sends a message. Errors are ignored: reading fails too then, and what the
// platform sent before says more.
func (l *wsConn) send(message string) {
	_ = l.ws.Write(context.Background(), websocket.MessageText, []byte(message))
}

// readAll reads a message. The caller owns the bytes.
func (l *wsConn) readAll(r io.Reader) ([]byte, error) {
	slow := time.AfterFunc(messageTimeout, func() { l.cut(errTooSlow) })
	defer slow.Stop()
	return httpclient.ReadAll(r, l.buffer[:])
}

// close closes the connection with a close handshake, or by cutting the
// connection if the platform does not respond in time. why is the error of a
// message; nil if the client is being closed, or needs the connection no longer.
// It may be called concurrently; each call waits until the connection is closed.
func (l *wsConn) close(why error) {
	code, reason := websocket.StatusNormalClosure, "normal close"
	if _, fault := errors.AsType[*transport.Error](why); fault {
		code, reason = websocket.StatusGoingAway, "client going away"
	}
	timeout := time.AfterFunc(closeTimeout, func() { _ = l.socket.Close() })
	defer timeout.Stop()
	_ = l.ws.Close(code, reason)
}

// cut ends the connection without a close handshake.
func (l *wsConn) cut(cause error) {
	l.cause.CompareAndSwap(nil, &cause)
	_ = l.socket.Close()
}

// release frees what is left of a connection that has ended.
func (l *wsConn) release() {
	_ = l.ws.CloseNow()
	l.silence.Stop()
}

// socket is the stream of bytes below a websocket. The library hides it, but only
// here can each arrival be seen, also of a part of a frame, and only closing it
// ends all calls of the library.
type socket struct {
	io.ReadWriteCloser
	heard func() // is called when bytes arrive; nil during the handshake
}

// socketOf puts a socket into a response that opens a websocket. It returns nil
// for any other response.
func socketOf(response *http.Response) *socket {
	body, ok := response.Body.(io.ReadWriteCloser)
	if !ok || response.StatusCode != http.StatusSwitchingProtocols {
		return nil
	}
	s := &socket{ReadWriteCloser: body}
	response.Body = s
	return s
}

// Read implements io.Reader.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	if n > 0 && s.heard != nil {
		s.heard()
	}
	if err == io.EOF {
		// The library would take io.EOF for the end of a message.
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
