package testkit

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Port is a TCP port on loopback that belongs to the test, also while nothing
// listens on it: connections to it are refused then, and no other test, and no
// outgoing connection, is given its number.
type Port struct {
	Address string // host:port
	ends    [2]net.Conn
}

// NewPort takes a free port. An unused connection keeps it.
func NewPort() (*Port, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Port{Address: listener.Addr().String()}
	var dialErr, acceptErr error
	if p.ends[0], dialErr = net.Dial("tcp", p.Address); dialErr == nil {
		p.ends[1], acceptErr = listener.Accept()
	}
	if err := errors.Join(dialErr, acceptErr, listener.Close()); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Listen listens on the port. It may be called again once the listener is closed.
func (p *Port) Listen() (net.Listener, error) { return net.Listen("tcp", p.Address) }

// Close gives the port back.
func (p *Port) Close() {
	for _, end := range p.ends {
		if end != nil {
			_ = end.Close()
		}
	}
}

// AwaitAccepts waits until a server accepts connections, and fails if it does not within
// 20 s.
func AwaitAccepts(address string) error {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		if time.Since(began) > limit {
			return fmt.Errorf("the server does not accept connections within %v: %w", limit, err)
		}
	}
}
