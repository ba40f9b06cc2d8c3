package httpclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// pingAfter is how long an HTTP/2 connection may be silent before it is
	// pinged. pingTimeout is how long the server has to respond before the
	// connection is closed.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
)

// ownTransport returns the transport for applications that provide no HTTP
// client.
func ownTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConns:        8,
		MaxIdleConnsPerHost: 8,
		// Shorter than the idle timeouts of platforms and load balancers.
		IdleConnTimeout:       idleTime,
		ExpectContinueTimeout: time.Second,
	}
}

// clone returns a transport with the settings of base and its own connections.
// A panic of the application's functions in it cannot crash the process.
// dialled is called with each connection and returns the one to use.
func (p *Pool) clone(dialled func(net.Conn) (net.Conn, error)) *http.Transport {
	t := p.base.Clone()
	// Clone leaves this to the settings. But our own dialler would switch HTTP/2
	// off, and clones of a transport that golang.org/x/net/http2 has configured
	// would share connections.
	h2 := p.base.TLSNextProto["h2"] != nil
	delete(t.TLSNextProto, "h2")
	if len(t.TLSNextProto) == 0 && h2 {
		t.TLSNextProto = nil
	}
	t.ForceAttemptHTTP2 = h2
	if p.pings {
		if t.HTTP2 == nil {
			t.HTTP2 = &http.HTTP2Config{}
		}
		if t.HTTP2.SendPingTimeout == 0 {
			t.HTTP2.SendPingTimeout = pingAfter
		}
		if t.HTTP2.PingTimeout == 0 {
			t.HTTP2.PingTimeout = pingTimeout
		}
	}
	if t.TLSHandshakeTimeout == 0 { // what it is in http.DefaultTransport
		t.TLSHandshakeTimeout = 10 * time.Second
	}
	dial := dialler(t)
	//lint:ignore SA1019 it is in dial
	t.Dial = nil
	t.DialContext = func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		defer guard("HTTPClient's DialContext", &err)
		if conn, err = dial(ctx, network, address); err != nil || conn == nil {
			return nil, err
		}
		return dialled(conn)
	}
	guardTLSDial(t)
	guardTLS(t.TLSClientConfig)
	p.guardProxy(t)
	return t
}

// dialler returns the function with which a transport makes connections.
func dialler(t *http.Transport) func(ctx context.Context, network, address string) (net.Conn, error) {
	switch {
	case t.DialContext != nil:
		return t.DialContext
	//lint:ignore SA1019 applications may still use it
	case t.Dial != nil:
		//lint:ignore SA1019 as above
		plain := t.Dial
		return func(_ context.Context, network, address string) (net.Conn, error) { return plain(network, address) }
	}
	return new(net.Dialer).DialContext
}

// guardTLSDial guards the functions that make connections with TLS. They return
// the connection unchanged, because net/http checks whether it is a *tls.Conn.
func guardTLSDial(t *http.Transport) {
	if dial := t.DialTLSContext; dial != nil {
		t.DialTLSContext = func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			defer guard("HTTPClient's DialTLSContext", &err)
			return dial(ctx, network, address)
		}
	}
	//lint:ignore SA1019 applications may still use it
	if dial := t.DialTLS; dial != nil {
		//lint:ignore SA1019 as above
		t.DialTLS = func(network, address string) (conn net.Conn, err error) {
			defer guard("HTTPClient's DialTLS", &err)
			return dial(network, address)
		}
	}
}

// guardTLS guards the functions that a TLS handshake calls.
func guardTLS(config *tls.Config) {
	if config == nil {
		return
	}
	const function = "a function of HTTPClient's TLSClientConfig"
	if f := config.VerifyPeerCertificate; f != nil {
		config.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) (err error) {
			defer guard(function, &err)
			return f(raw, chains)
		}
	}
	if f := config.VerifyConnection; f != nil {
		config.VerifyConnection = func(state tls.ConnectionState) (err error) {
			defer guard(function, &err)
			return f(state)
		}
	}
	if f := config.EncryptedClientHelloRejectionVerify; f != nil {
		config.EncryptedClientHelloRejectionVerify = func(state tls.ConnectionState) (err error) {
			defer guard(function, &err)
			return f(state)
		}
	}
	if f := config.GetClientCertificate; f != nil {
		config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (c *tls.Certificate, err error) {
			defer guard(function, &err)
			return f(info)
		}
	}
}

// guardProxy guards the functions for a proxy, and keeps text from a proxy out
// of errors.
func (p *Pool) guardProxy(t *http.Transport) {
	if t.Proxy != nil {
		proxy := t.Proxy
		t.Proxy = func(req *http.Request) (*url.URL, error) { return p.proxyOf(proxy, req) }
	}
	if header := t.GetProxyConnectHeader; header != nil {
		t.GetProxyConnectHeader = func(ctx context.Context, proxy *url.URL, target string) (h http.Header, err error) {
			defer guard("HTTPClient's GetProxyConnectHeader", &err)
			return header(ctx, proxy, target)
		}
	}
	heard := t.OnProxyConnectResponse
	t.OnProxyConnectResponse = func(ctx context.Context, proxy *url.URL, req *http.Request, resp *http.Response) (err error) {
		if heard != nil {
			defer guard("HTTPClient's OnProxyConnectResponse", &err)
			if err := heard(ctx, proxy, req, resp); err != nil {
				return err
			}
		}
		return proxyRefusal(resp)
	}
}

var errProxyAddress = errors.New("the address of the proxy is not a URL: check HTTP_PROXY and HTTPS_PROXY")

// proxyOf calls a Proxy function, which net/http calls on the caller's
// goroutine. It replaces the error of the function, which may quote the address
// of the proxy and a password in it.
func (p *Pool) proxyOf(proxy func(*http.Request) (*url.URL, error), req *http.Request) (*url.URL, error) {
	var u *url.URL // not a named result, which a return would also write
	var err error
	if failed := p.calls.do(req.Context().Done(), "HTTPClient's Proxy", func() { u, err = proxy(req) }, nil); failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, errProxyAddress
	}
	return u, nil
}

// proxyRefusal returns the error for a proxy that has not connected. net/http's
// error would be the text of the proxy's status line.
func proxyRefusal(resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{Status: resp.StatusCode}
}

// ProxyError is the error of a proxy that rejects CONNECT.
type ProxyError struct{ Status int }

// Error implements error.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy responded with %d %s to CONNECT", e.Status, http.StatusText(e.Status))
}
