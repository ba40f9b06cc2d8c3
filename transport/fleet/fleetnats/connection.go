package fleetnats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// idleMax is how long a connection may be idle.
	idleMax = time.Minute
	// pingTimeout is how long a server may take to respond to a ping.
	pingTimeout = 3 * time.Second
)

// connector has the connection of a Backend or a Queue, which calls share.
type connector struct {
	options nats.Options
	servers string

	mu      sync.Mutex
	current *connection // nil if there is none

	done    context.Context // ends with Close
	cancel  context.CancelFunc
	closing sync.WaitGroup // of connections
}

func newConnector(options nats.Options) *connector {
	c := &connector{options: options, servers: strings.Join(options.Servers, ", ")}
	c.done, c.cancel = context.WithCancel(context.Background())
	return c
}

// close breaks the connections and waits for their goroutines.
func (c *connector) close() {
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.closing.Wait()
}

// connection is a connection that calls share. It ends with its ctx.
type connection struct {
	ready chan struct{} // closed once nc or err is set
	nc    *nats.Conn
	err   error

	// Of connector.mu.
	users   int
	last    time.Time // when it was given back last
	dropped bool      // it ends when its last user gives it back

	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	conns   []net.Conn // below TLS, so that closing them does not block
	dialErr error      // the last one
	calls   map[*call]bool
	denied  error // why no response arrives over this connection
}

// newConnection makes a connection in the background. Callers hold mu, and have looked
// that the connector is not closed.
func (c *connector) newConnection() *connection {
	l := &connection{ready: make(chan struct{}), last: time.Now(), calls: make(map[*call]bool)}
	l.ctx, l.cancel = context.WithCancel(c.done)
	context.AfterFunc(l.ctx, l.disconnect)
	c.closing.Go(func() {
		c.connect(l)
		close(l.ready)
		<-l.ctx.Done()
		if l.nc != nil {
			l.nc.Close()
		}
	})
	return l
}

// take returns the current connection, and makes one if it cannot be used. Each
// connection that is taken has to be given back.
func (c *connector) take(ctx context.Context) (*connection, error) {
	c.mu.Lock()
	if c.done.Err() != nil {
		c.mu.Unlock()
		return nil, errClosed
	}
	if l := c.current; l != nil && (l.ctx.Err() != nil || l.users == 0 && idle(l.last) > idleMax) {
		c.drop(l)
	}
	if c.current == nil {
		c.current = c.newConnection()
	}
	l := c.current
	l.users++
	c.mu.Unlock()
	select {
	case <-l.ready:
	case <-ctx.Done():
		c.give(l) // the next call uses the connection
		return nil, ctx.Err()
	}
	if l.err != nil {
		c.give(l)
		return nil, l.err
	}
	return l, nil
}

// give gives a connection back.
func (c *connector) give(l *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.users--
	l.last = time.Now()
	if l.dropped {
		c.drop(l)
	}
}

// discard takes a connection out of use.
func (c *connector) discard(l *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(l)
}

// drop takes a connection out of use, and ends it when no one uses it. Callers hold
// mu.
func (c *connector) drop(l *connection) {
	if l == c.current {
		c.current = nil
	}
	l.dropped = true
	if l.users == 0 {
		l.cancel()
	}
}

// idle returns how long ago t was, by the clock that counts more: the monotonic
// clock may stop while a process is frozen, and the wall clock may be set.
func idle(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// disconnect breaks the connection.
func (l *connection) disconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
}

// connect connects to one of the servers.
func (c *connector) connect(l *connection) {
	options := c.options
	options.CustomDialer = dialer{l, c.options.CustomDialer, options.Timeout}
	options.ClosedCB = func(nc *nats.Conn) {
		l.cancel()
		if c.options.ClosedCB != nil {
			c.options.ClosedCB(nc)
		}
	}
	options.AsyncErrorCB = func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if l.denies(err) {
			c.discard(l)
		}
		if c.options.AsyncErrorCB != nil {
			c.options.AsyncErrorCB(nc, sub, err)
		}
	}
	if l.nc, l.err = options.Connect(); l.err == nil {
		return
	}
	l.mu.Lock()
	dialErr := l.dialErr
	l.mu.Unlock()
	switch {
	case c.done.Err() != nil:
		l.err = errClosed
	case errors.Is(l.err, nats.ErrNoServers) && dialErr != nil:
		l.err = fmt.Errorf("%w: %w", errConnect, dialErr)
	default:
		l.err = fmt.Errorf("%w: %s: %w", errConnect, c.servers, advised(l.err))
	}
	c.discard(l) // the error is for the calls that wait; the next one connects again
}

// dialer makes the network connections of a connection.
type dialer struct {
	l       *connection
	dialer  nats.CustomDialer
	timeout time.Duration
}

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (conn net.Conn, err error) {
	if with, ok := d.dialer.(interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}); ok {
		ctx, cancel := context.WithTimeout(d.l.ctx, d.timeout)
		defer cancel()
		conn, err = with.DialContext(ctx, network, address)
	} else {
		conn, err = d.dialer.Dial(network, address)
	}
	d.l.mu.Lock()
	defer d.l.mu.Unlock()
	if err != nil {
		d.l.dialErr = err
		return nil, err
	}
	d.l.conns = append(d.l.conns, conn)
	if d.l.ctx.Err() != nil { // disconnect may have run before
		_ = conn.Close()
		return nil, d.l.ctx.Err()
	}
	return conn, nil
}

// SkipTLSHandshake says whether the connection is encrypted already, for nats.go.
func (d dialer) SkipTLSHandshake() bool {
	skips, ok := d.dialer.(interface{ SkipTLSHandshake() bool })
	return ok && skips.SkipTLSHandshake()
}
