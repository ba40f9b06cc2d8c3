package testkit

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy is between clients and a TCP server, and counts what passes. It can stop to
// pass anything, and cut a connection in place of passing a response.
type Proxy struct {
	Address  string       // host:port
	Accepted atomic.Int64 // connections
	Bytes    atomic.Int64 // in both directions
	Turns    atomic.Int64 // of writes by a client after the server has written
	Cut      atomic.Int64 // how many responses to cut
	Held     atomic.Int64 // what has arrived while the proxy passes nothing

	mu      sync.Mutex
	stalled chan struct{} // closed when the proxy goes on; nil if it passes all
}

// NewProxy starts a Proxy of the server at an address. It ends with the test.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	p := &Proxy{Address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.Accepted.Add(1)
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			var clients atomic.Bool // whether the client wrote last
			go p.pass(upstream, client, func() bool {
				if !clients.Swap(true) {
					p.Turns.Add(1)
				}
				return true
			})
			go p.pass(client, upstream, func() bool {
				clients.Store(false)
				if p.Cut.Load() > 0 {
					p.Cut.Add(-1)
					return false
				}
				return true
			})
		}
	}()
	return p
}

// Stall makes the proxy stop, or go on.
func (p *Proxy) Stall(stop bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stop {
		p.stalled = make(chan struct{})
	} else {
		close(p.stalled)
		p.stalled = nil
	}
}

// pass copies bytes until a connection ends, or passes returns false.
func (p *Proxy) pass(to, from net.Conn, passes func() bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.mu.Lock()
			stalled := p.stalled
			p.mu.Unlock()
			if stalled != nil {
				p.Held.Add(1)
				<-stalled
			}
			if !passes() {
				return
			}
			p.Bytes.Add(int64(n))
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
