// Package faults breaks the network between a client and a platform. Its tests
// show that clients survive that. No shipped package imports it.
//
// A [Proxy] stands in front of a server and does to connections what broken
// networks do. A [Liar] replaces the server and sends what no platform sends.
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

// Fault is what happens to connections. The zero Fault changes nothing.
type Fault struct {
	// Drop resets connections as soon as they are made.
	Drop bool
	// Swallow drops all bytes while connections stay open. A connection that
	// has lost bytes also drops everything after them, even if Swallow is
	// reset.
	Swallow bool
	// Chunk is the maximum number of bytes in one packet, and Pause the time
	// between two packets. 0 means no limit, and no pause.
	Chunk int
	Pause time.Duration
	// Delay is how long bytes take in each direction. Connecting takes twice as
	// long.
	Delay time.Duration
	// Gather is how long bytes wait for others, to be sent in one packet.
	Gather time.Duration
	// Cut ends connections after a number of bytes; nil ends none.
	Cut *Cut
}

// Cut is where a connection is cut.
type Cut struct {
	Answer  bool // counts the server's bytes; if false, the client's
	Body    bool // counts from the end of the HTTP header
	After   int  // number of bytes that are forwarded
	Orderly bool // ends with an end of file; if false, with a reset
}

// Proxy forwards TCP connections to a server. Its methods may be called
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

// NewProxy starts a proxy in front of a server at an http or https URL. It
// forwards TLS unchanged or, if config is not nil, terminates TLS.
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

// URL returns the URL of the server through the proxy.
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

// Set changes what happens to connections, open ones included.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Down refuses new connections until Up is called. Open connections stay.
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

// Up listens again, at the same address.
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

// Deaden makes open connections drop everything from now on, without a reset to
// either end. New connections work. Firewalls and load balancers that have lost
// the state of a connection behave like this.
func (p *Proxy) Deaden() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.swallows(true)
	}
}

// Accepted returns the number of connections so far.
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

// serve connects to the server for a client's connection, and forwards in both
// directions.
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
	gone   chan struct{} // closed when the pair has ended

	mu     sync.Mutex
	server net.Conn
	ended  bool
	lost   bool // bytes were dropped
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

// relay forwards bytes in one direction until the pair ends.
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
			c.wait(wait) // bytes that arrive meanwhile are read at once
		}
	}
}

func (p *Proxy) now() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// pass writes bytes as the fault demands.
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

// swallows reports whether bytes are dropped.
func (c *pair) swallows(now bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = c.lost || now
	return c.lost
}

// wait waits for d, and reports whether the pair has not ended meanwhile.
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
	matched   int // of the end of the header
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

// until counts bytes, and returns how many of them are before the cut.
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
