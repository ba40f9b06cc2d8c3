package httpclient

import (
	"io"
	"net"
	"net/http"
	"sync"
)

// generation is a clone of a transport with the connections that it has made.
type generation struct {
	rt       *http.Transport
	requests int // under way; guarded by the pool

	mu    sync.Mutex
	conns map[*pooledConn]struct{} // nil after abort
}

func newGeneration(p *Pool) *generation {
	g := &generation{conns: make(map[*pooledConn]struct{})}
	g.rt = p.clone(g.add)
	return g
}

// add adds a connection to the generation. A request whose context ends does
// not wait for its connection, so the generation may have been aborted already.
// In that case add closes the connection.
func (g *generation) add(conn net.Conn) (net.Conn, error) {
	c := &pooledConn{guardedConn{conn}, g}
	g.mu.Lock()
	gone := g.conns == nil
	if !gone {
		g.conns[c] = struct{}{}
	}
	g.mu.Unlock()
	if gone {
		_ = c.guardedConn.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

// close closes idle connections through net/http, and then all sockets.
func (g *generation) close() {
	g.rt.CloseIdleConnections()
	g.abort()
}

// abort closes the sockets of the connections. net/http alone would keep HTTP/2
// connections whose last request has not fully ended, and would wait for dead
// connections to accept a last message. On nil it does nothing.
func (g *generation) abort() {
	if g == nil {
		return
	}
	g.mu.Lock()
	conns := g.conns
	g.conns = nil
	g.mu.Unlock()
	for c := range conns {
		_ = c.guardedConn.Close()
	}
	g.rt.CloseIdleConnections()
}

// pooledConn is a connection of a generation.
type pooledConn struct {
	guardedConn
	g *generation
}

// Close implements net.Conn.
func (c *pooledConn) Close() error {
	c.g.mu.Lock()
	delete(c.g.conns, c)
	c.g.mu.Unlock()
	return c.guardedConn.Close()
}

// guardedConn turns panics of a connection that the application has made into
// errors.
type guardedConn struct{ net.Conn }

func (c guardedConn) Read(p []byte) (n int, err error) {
	defer guard("a connection of HTTPClient", &err)
	return c.Conn.Read(p)
}

func (c guardedConn) Write(p []byte) (n int, err error) {
	defer guard("a connection of HTTPClient", &err)
	return c.Conn.Write(p)
}

func (c guardedConn) Close() (err error) {
	defer guard("a connection of HTTPClient", &err)
	return c.Conn.Close()
}

// pooledBody notifies the pool when a response has been read.
type pooledBody struct {
	io.ReadCloser
	failed bool
	once   sync.Once
	leave  func(failed bool)
}

// Read implements io.Reader.
func (b *pooledBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.failed = b.failed || err != nil && err != io.EOF
	return n, err
}

// Close implements io.Closer.
func (b *pooledBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.leave(b.failed) })
	return err
}
