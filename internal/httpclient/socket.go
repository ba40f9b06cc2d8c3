package httpclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Sockets returns a client for requests that open websockets, through the pool
// of base. Each request has its own connection. Redirects are returned and not
// followed: the token is for the configured host only.
//
// Unlike net/http, the client requests a tunnel (CONNECT) from a proxy also for
// ws:// addresses, as RFC 6455 demands: proxies do not forward Upgrade.
func Sockets(base *http.Client) *http.Client {
	c := *base
	c.Jar = nil // the pool handles cookies
	c.CheckRedirect = lastAnswer
	c.Transport = &socketTransport{poolOf(base)}
	return &c
}

func lastAnswer(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

type socketTransport struct{ pool *Pool }

// RoundTrip implements http.RoundTripper.
func (t *socketTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.pool.foreign != nil {
		return t.pool.RoundTrip(req)
	}
	return t.pool.trip(req, t.pool.openSocket)
}

// route is how one handshake reaches its server.
type route struct {
	ctx    context.Context // of the request; dialling may take longer
	proxy  *url.URL        // may be nil
	tunnel bool            // opened by this package, not by net/http
}

type routeKey struct{}

func routeOf(ctx context.Context) *route { return ctx.Value(routeKey{}).(*route) }

// openSocket sends a handshake over a new connection.
func (p *Pool) openSocket(req *http.Request) (*http.Response, error) {
	p.sockets.once.Do(func() { p.sockets.rt = p.socketClone() })
	r := &route{ctx: req.Context()}
	if proxy := p.base.Proxy; proxy != nil {
		var err error
		if r.proxy, err = p.proxyOf(proxy, req); err != nil {
			return nil, err
		}
	}
	// A SOCKS proxy is always a tunnel.
	r.tunnel = r.proxy != nil && req.URL.Scheme == "http" && (r.proxy.Scheme == "http" || r.proxy.Scheme == "https")
	return p.sockets.rt.RoundTrip(req.WithContext(context.WithValue(req.Context(), routeKey{}, r)))
}

// socketClone returns the transport for handshakes.
func (p *Pool) socketClone() *http.Transport {
	t := p.clone(func(c net.Conn) (net.Conn, error) { return guardedConn{c}, nil })
	t.DisableKeepAlives = true // does not change the headers of an upgrade
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		r := routeOf(ctx)
		if r.tunnel {
			return openTunnel(r, t, dial, address)
		}
		return dial(r.ctx, network, address) // no other request can use the connection
	}
	if t.Proxy != nil {
		t.Proxy = func(req *http.Request) (*url.URL, error) {
			if r := routeOf(req.Context()); !r.tunnel {
				return r.proxy, nil
			}
			return nil, nil
		}
	}
	return t
}

// maxTunnelAnswer is the maximum number of bytes of a proxy's response to
// CONNECT.
const maxTunnelAnswer = 64 << 10

// openTunnel connects to an address through a proxy, as net/http does for
// https addresses.
func openTunnel(r *route, t *http.Transport, dial func(ctx context.Context, network, address string) (net.Conn, error), address string) (_ net.Conn, err error) {
	ctx := r.ctx
	if t.TLSHandshakeTimeout > 0 && r.proxy.Scheme == "https" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.TLSHandshakeTimeout)
		defer cancel()
	}
	conn, err := dial(ctx, "tcp", proxyAddress(r.proxy))
	if err != nil {
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	}
	raw := conn
	defer func() {
		if err != nil {
			_ = raw.Close()
		}
	}()
	stop := context.AfterFunc(r.ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if r.proxy.Scheme == "https" {
		config := &tls.Config{}
		if t.TLSClientConfig != nil {
			config = t.TLSClientConfig.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = r.proxy.Hostname()
		}
		config.NextProtos = nil
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
		}
		conn = secured
	}
	header, err := connectHeader(r, t, address)
	if err != nil {
		return nil, err
	}
	connect := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: header}
	if err := connect.Write(conn); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxTunnelAnswer}
	br := bufio.NewReader(limited)
	resp, err := http.ReadResponse(br, connect)
	if err != nil {
		return nil, err
	}
	if err := t.OnProxyConnectResponse(r.ctx, r.proxy, connect, resp); err != nil {
		return nil, err
	}
	if !stop() { // the context has ended
		return nil, r.ctx.Err()
	}
	if n := br.Buffered(); n > 0 {
		early, _ := br.Peek(n)
		return &earlyConn{conn, append([]byte(nil), early...)}, nil
	}
	return conn, nil
}

// connectHeader returns the header of CONNECT, with the proxy's user name and
// password.
func connectHeader(r *route, t *http.Transport, address string) (http.Header, error) {
	header := t.ProxyConnectHeader.Clone()
	if t.GetProxyConnectHeader != nil {
		var err error
		if header, err = t.GetProxyConnectHeader(r.ctx, r.proxy, address); err != nil {
			return nil, err
		}
		header = header.Clone()
	}
	if header == nil {
		header = http.Header{}
	}
	if user := r.proxy.User; user != nil {
		password, _ := user.Password()
		header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	return header, nil
}

func proxyAddress(proxy *url.URL) string {
	port := proxy.Port()
	switch {
	case port != "":
	case proxy.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}

// earlyConn is a connection of which some bytes have been read.
type earlyConn struct {
	net.Conn
	early []byte
}

// Read implements io.Reader.
func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
