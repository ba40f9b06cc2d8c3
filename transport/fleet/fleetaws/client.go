package fleetaws

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// idleMax is how long connections may be idle.
	idleMax = time.Minute
	// connectTimeout bounds how long it takes to connect, and once more how long
	// TLS takes.
	connectTimeout = 5 * time.Second
	// maxIdle is how many idle connections are kept: as many as there are reads of
	// a body at once.
	maxIdle = 16
)

// client sends requests over connections of its own.
type client struct {
	rt      http.RoundTripper
	own     *http.Transport // rt, or nil if the application's is another type
	timeout time.Duration   // of an attempt, or 0

	mu   sync.Mutex
	used time.Time // when the last request began
}

// newClient returns a client with the settings of the application's; nil is the
// defaults.
func newClient(base *http.Client) *client {
	if base == nil {
		own := &http.Transport{
			Proxy:               withoutAddress(http.ProxyFromEnvironment),
			DialContext:         (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: connectTimeout,
			MaxIdleConns:        maxIdle,
			MaxIdleConnsPerHost: maxIdle,
			IdleConnTimeout:     idleMax,
		}
		return &client{rt: own, own: own}
	}
	c := &client{rt: base.Transport, timeout: base.Timeout}
	if c.rt == nil {
		c.rt = http.DefaultTransport
	}
	if t, ok := c.rt.(*http.Transport); ok {
		c.own = t.Clone()
		c.own.Proxy = withoutAddress(t.Proxy)
		c.rt = c.own
	}
	return c
}

var errProxy = errors.New("the address of the proxy is not a URL: check HTTP_PROXY and HTTPS_PROXY")

// withoutAddress returns a function for a proxy whose error does not quote the
// address, which may have a password.
func withoutAddress(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if proxy == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		address, err := proxy(r)
		if err != nil {
			return nil, errProxy
		}
		return address, nil
	}
}

// do sends a request. It does not follow redirects, which would need another
// signature. Connections that were idle for too long are closed first: while a
// process is frozen it does not notice that the other end closes them.
func (c *client) do(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	last := c.used
	c.used = time.Now()
	c.mu.Unlock()
	if idle(last, time.Now()) > idleMax {
		c.suspect()
	}
	resp, err := c.rt.RoundTrip(req)
	if err == nil && (resp == nil || resp.Body == nil) {
		return nil, errNoResponse
	}
	return resp, err
}

var errNoResponse = errors.New("the HTTP client's transport returned no response and no error")

// suspect closes connections that no request uses, as they may be dead.
func (c *client) suspect() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// idle returns how long ago t was, by the clock that counts more: the monotonic
// clock may stop while a process is frozen, and the wall clock may be set.
func idle(t, now time.Time) time.Duration {
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
