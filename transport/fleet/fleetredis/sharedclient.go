package fleetredis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// never is the interval of pings that are not sent.
	never time.Duration = -1
	// idleMax is how long a connection may be idle.
	idleMax = time.Minute
	// connectTimeout bounds how long it takes to connect to an address, with TLS
	// and authentication.
	connectTimeout = 3 * time.Second
	// buffer is the size of the buffers of a connection, for reading and writing.
	// Larger values are read without it.
	buffer = 16 << 10
	// ring is the binary logarithm of how many commands a connection has under way.
	ring = 8
)

// sharedClient is a connected client that calls share. It ends with its ctx.
type sharedClient struct {
	ready  chan struct{} // closed once client or err is set
	client rueidis.Client
	err    error

	// Of Backend.mu.
	users   int
	last    time.Time // when it was given back last
	dropped bool      // it ends when its last user gives it back

	ctx    context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	conns []net.Conn // below TLS, so that closing them does not block
}

// newSharedClient makes a client that connects in the background. ping is the interval at
// which the server is pinged while it is silent; negative is never. Callers hold
// mu, and have looked that the Backend is not closed.
func (b *Backend) newSharedClient(ping time.Duration) *sharedClient {
	l := &sharedClient{ready: make(chan struct{}), last: time.Now()}
	l.ctx, l.cancel = context.WithCancel(b.done)
	context.AfterFunc(l.ctx, l.disconnect)
	b.closing.Go(func() {
		b.connect(l, ping)
		close(l.ready)
		<-l.ctx.Done()
		if l.client != nil {
			l.client.Close()
		}
	})
	return l
}

// take returns the current client, and makes one if it cannot be used. Each client
// that is taken has to be given back.
func (b *Backend) take(ctx context.Context) (*sharedClient, error) {
	b.mu.Lock()
	if b.done.Err() != nil {
		b.mu.Unlock()
		return nil, errClosed
	}
	if l := b.current; l != nil && l.users == 0 && idle(l.last) > idleMax {
		b.drop(l)
	}
	if b.current == nil {
		b.current = b.newSharedClient(never)
	}
	l := b.current
	l.users++
	b.mu.Unlock()
	select {
	case <-l.ready:
	case <-ctx.Done():
		b.give(l, false) // the next call uses the connection
		return nil, ctx.Err()
	}
	if l.err != nil {
		b.give(l, true)
		return nil, l.err
	}
	return l, nil
}

// give gives a client back.
func (b *Backend) give(l *sharedClient, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.users--
	l.last = time.Now()
	if broken && l == b.current {
		b.address = (b.address + 1) % len(b.config.Addresses)
	}
	if broken || l.dropped {
		b.drop(l)
	}
}

// drop takes a client out of use, and ends it when no one uses it. Callers hold mu.
func (b *Backend) drop(l *sharedClient) {
	if l == b.current {
		b.current = nil
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

// disconnect breaks the connections.
func (l *sharedClient) disconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
}

var errSilent = fmt.Errorf("no connection within %v", connectTimeout)

// connect connects a client. It tries each address once, beginning
// with the one that is to be used.
func (b *Backend) connect(l *sharedClient, ping time.Duration) {
	b.mu.Lock()
	first := b.address
	b.mu.Unlock()
	for i := range b.config.Addresses {
		at := (first + i) % len(b.config.Addresses)
		client, err := b.connectVia(l, b.config.Addresses[at], ping)
		if err == nil {
			b.mu.Lock()
			b.address = at
			b.mu.Unlock()
			l.client, l.err = client, nil
			return
		}
		if l.err != nil {
			err = fmt.Errorf("%w; %w", l.err, err)
		}
		l.err = err
	}
	if b.done.Err() != nil {
		l.err = errClosed
	}
	// The error is for the calls that wait. The next one connects again.
	b.mu.Lock()
	b.drop(l)
	b.mu.Unlock()
}

// connectVia connects to the server at an address, or to the primary that the
// Sentinel at that address names.
func (b *Backend) connectVia(l *sharedClient, address string, ping time.Duration) (rueidis.Client, error) {
	if b.config.Sentinel != "" {
		var err error
		if address, err = b.primary(l, address); err != nil {
			return nil, err
		}
	}
	options := rueidis.ClientOption{
		SelectDB:          b.config.Database,
		Dialer:            net.Dialer{KeepAlive: ping},
		AuthCredentialsFn: credentials(l, b.config.Credentials),
	}
	if b.config.Cluster && ping == never { // each node reports the changes of all
		return b.connectToCluster(l, address, options)
	}
	return b.connectTo(l, address, options)
}

// connectTo connects to an address.
func (b *Backend) connectTo(l *sharedClient, address string, options rueidis.ClientOption) (rueidis.Client, error) {
	options.ForceSingleClient = true
	ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
	defer cancel()
	dialed := false
	options.DialCtxFn = func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
		if dialed {
			return nil, errLost // a new client replaces this one
		}
		dialed = true
		return l.dial(ctx, address, b.config.TLS)
	}
	client, err := newClient(address, options)
	return client, b.advised(err)
}

// advised adds to the error of a connection what to check if the server ended it, or
// did not respond: perhaps only one side uses TLS.
func (b *Backend) advised(err error) error {
	broken := (*net.OpError)(nil)
	plain := tls.RecordHeaderError{} // the server's first bytes are not TLS
	switch {
	case errors.As(err, &broken) && broken.Op != "dial", errors.As(err, &plain), errors.Is(err, io.EOF), errors.Is(err, errSilent):
	default:
		return err
	}
	if b.config.TLS != nil {
		return fmt.Errorf("%w: check the address, and whether the server uses TLS: this client does", err)
	}
	return fmt.Errorf("%w: check the address, and whether the server requires TLS: this client does not use it", err)
}

// newClient returns a client that is connected to an address.
func newClient(address string, options rueidis.ClientOption) (rueidis.Client, error) {
	options.InitAddress = []string{address}
	options.Dialer.Timeout = connectTimeout
	options.ConnWriteTimeout = connectTimeout
	options.ReadBufferEachConn = buffer
	options.WriteBufferEachConn = buffer
	options.RingScaleEachConn = ring
	options.PipelineMultiplex = -1 // one connection
	options.AlwaysPipelining = true
	options.DisableRetry = true
	options.DisableCache = true
	options.ClientSetInfo = rueidis.DisableClientSetInfo
	client, err := rueidis.NewClient(options)
	if err == nil {
		return client, nil
	}
	if client != nil {
		client.Close()
	}
	if isReply(err) {
		return nil, fmt.Errorf("%s: %w", address, replyError(err))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errSilent
	}
	return nil, fmt.Errorf("%w: %s: %w", errConnect, address, err)
}

// dial connects to an address.
func (l *sharedClient) dial(ctx context.Context, address string, config *tls.Config) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.conns = append(l.conns, conn)
	l.mu.Unlock()
	if l.ctx.Err() != nil { // disconnect may have run before
		_ = conn.Close()
		return nil, l.ctx.Err()
	}
	if config == nil {
		return conn, nil
	}
	if config.ServerName == "" {
		host, _, _ := net.SplitHostPort(address)
		config = config.Clone()
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}
