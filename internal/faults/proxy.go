// Package faults breaks the network between a client and a platform, and has
// the tests that show that clients survive it. No shipped package imports it.
//
// A [Proxy] stands before a server and does to connections what networks do. A
// [Liar] takes the server's place and says what no platform would.
package faults

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// Fault is what happens to connections. The zero value is nothing.
type Fault struct {
	// Drop resets connections as soon as they are made.
	Drop bool
	// Swallow lets everything vanish while connections stay open. One that has
	// lost something so stays like that, as what follows would make no sense.
	Swallow bool
	// Chunk is how many bytes go out in one packet at most, and Pause the time
	// between two packets. 0 is no limit, and no pause.
	Chunk int
	Pause time.Duration
	// Delay is how long bytes take in each direction, and half of what it takes
	// to connect.
	Delay time.Duration
	// Gather is how long bytes wait for others to go out with, in one packet.
	Gather time.Duration
	// Cut ends connections at some point.
	Cut *Cut
}

// Cut is where a connection is cut.
type Cut struct {
	Answer  bool // counts what the server sends rather than the client
	Body    bool // begins to count after the HTTP head
	After   int  // so many bytes are passed on
	Orderly bool // an end of file rather than a reset
}

// Proxy passes TCP connections on to a server. Its methods may be called
// concurrently.
type Proxy struct {
	// Address is host:port, on loopback.
	Address string

	port    *testkit.Port
	tls     *tls.Config // terminates TLS if not nil
	running sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while down
	target   string
	fault    Fault
	pairs    map[*pair]struct{}
	accepted int
	closed   bool
}

// NewProxy starts a proxy before a server at an http URL, or an https URL, whose
// TLS passes through. With a TLS configuration it is the end of TLS.
func NewProxy(url string, config *tls.Config) (*Proxy, error) {
	port, err := testkit.NewPort()
	if err != nil {
		return nil, err
	}
	p := &Proxy{Address: port.Address, port: port, tls: config, pairs: make(map[*pair]struct{})}
	p.Target(url)
	if err := p.Up(); err != nil {
		port.Close()
		return nil, err
	}
	return p, nil
}

// URL is where clients find the server.
func (p *Proxy) URL() string {
	if p.tls != nil {
		return "https://" + p.Address
	}
	return "http://" + p.Address
}

// Target sends new connections to another server.
func (p *Proxy) Target(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, p.target, _ = strings.Cut(url, "://")
}

// Set changes what happens to connections, also to those that are open.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Down refuses connections until Up is called. Those that are open stay.
func (p *Proxy) Down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down()
}

func (p *Proxy) down() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// Up listens again, where it did before.
func (p *Proxy) Up() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener != nil {
		return nil
	}
	listener, err := p.port.Listen()
	if err != nil {
		return err
	}
	p.listener = listener
	p.running.Go(func() { p.accept(listener) })
	return nil
}

// Break resets all open connections.
func (p *Proxy) Break() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.end(true)
	}
}

// Deaden lets everything vanish from now on that passes through connections that
// are open, without a word to either end. New connections work. So do firewalls
// and balancers that have forgotten a connection.
func (p *Proxy) Deaden() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.swallows(true)
	}
}

// Accepted is how many connections there have been.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Close ends the proxy and all connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.down()
	p.port.Close()
	for c := range p.pairs {
		c.end(false)
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(conn) })
	}
}

// serve makes a pair of a connection and one to the server.
func (p *Proxy) serve(client net.Conn) {
	c := &pair{p: p, client: client, gone: make(chan struct{})}
	p.mu.Lock()
	p.accepted++
	target, drop, delay := p.target, p.fault.Drop, p.fault.Delay
	if p.closed {
		drop = true
	}
	p.pairs[c] = struct{}{}
	p.mu.Unlock()
	defer func() {
		c.end(false)
		p.mu.Lock()
		delete(p.pairs, c)
		p.mu.Unlock()
	}()
	if drop {
		c.end(true)
		return
	}
	if delay > 0 && !c.wait(2*delay) {
		return
	}
	if p.tls != nil {
		secured := tls.Server(client, p.tls)
		if secured.Handshake() != nil {
			return
		}
		client = secured
	}
	server, err := net.Dial("tcp", target)
	if err != nil || !c.join(server) {
		return
	}
	var requests sync.WaitGroup
	requests.Go(func() { c.relay(client, server, false) })
	c.relay(server, client, true)
	requests.Wait()
}

// pair is a connection of a client and one to the server.
type pair struct {
	p      *Proxy
	client net.Conn
	gone   chan struct{} // closed when it has ended

	mu     sync.Mutex
	server net.Conn
	ended  bool
	lost   bool // something was swallowed
}

// join adds the connection to the server, unless the pair has ended.
func (c *pair) join(server net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = server.Close()
		return false
	}
	c.server = server
	return true
}

// end closes both connections.
func (c *pair) end(reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	close(c.gone)
	if tcp, ok := c.client.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = c.client.Close()
	if c.server != nil {
		_ = c.server.Close()
	}
}

var errCut = errors.New("cut")

// relay passes bytes on in one direction until the pair ends.
func (c *pair) relay(from, to net.Conn, answer bool) {
	defer c.end(false)
	buf := make([]byte, 64<<10)
	var counted counter
	for {
		n, err := from.Read(buf)
		if delay := c.p.now().Delay; delay > 0 {
			c.wait(delay)
		}
		if n > 0 && c.pass(buf[:n], to, answer, &counted) != nil || err != nil {
			return
		}
		if wait := c.p.now().Gather; wait > 0 {
			c.wait(wait) // more comes in meanwhile, and is read at once
		}
	}
}

func (p *Proxy) now() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// pass writes bytes as the fault has it.
func (c *pair) pass(data []byte, to net.Conn, answer bool, counted *counter) error {
	for len(data) > 0 {
		f := c.p.now()
		if c.swallows(f.Swallow) {
			return nil
		}
		n := len(data)
		if f.Chunk > 0 {
			n = min(n, f.Chunk)
		}
		cut := false
		if f.Cut != nil && f.Cut.Answer == answer {
			n, cut = counted.until(data[:n], f.Cut)
		} else {
			counted.add(data[:n])
		}
		if _, err := to.Write(data[:n]); err != nil {
			return err
		}
		if cut {
			c.end(!f.Cut.Orderly)
			return errCut
		}
		data = data[n:]
		if f.Pause > 0 && len(data) > 0 && !c.wait(f.Pause) {
			return errCut
		}
	}
	return nil
}

// swallows reports whether bytes vanish.
func (c *pair) swallows(now bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = c.lost || now
	return c.lost
}

// wait reports whether the pair is still there afterwards.
func (c *pair) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.gone:
		return false
	}
}

// counter counts the bytes of one direction.
type counter struct {
	all, body int
	matched   int // of the end of the head
}

const headEnd = "\r\n\r\n"

func (c *counter) add(data []byte) {
	for _, b := range data {
		c.all++
		switch {
		case c.matched == len(headEnd):
			c.body++
		case b == headEnd[c.matched]:
			c.matched++
		case b == headEnd[0]:
			c.matched = 1
		default:
			c.matched = 0
		}
	}
}

// until counts up to a cut, and returns how many bytes come before it.
func (c *counter) until(data []byte, cut *Cut) (n int, reached bool) {
	for n = range data {
		if c.reached(cut) {
			return n, true
		}
		c.add(data[n : n+1])
	}
	return len(data), c.reached(cut)
}

func (c *counter) reached(cut *Cut) bool {
	if cut.Body {
		return c.matched == len(headEnd) && c.body >= cut.After
	}
	return c.all >= cut.After
}
