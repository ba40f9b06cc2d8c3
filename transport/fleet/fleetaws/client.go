package fleetaws

import (
	"net"
	"net/http"
	"sync/atomic"
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
	http http.Client
	own  *http.Transport // nil if the application's RoundTripper is another type
	// used is when a request began or ended last.
	used atomic.Pointer[time.Time]
}

// newClient returns a client with the settings of the application's; nil is the
// defaults.
func newClient(base *http.Client) *client {
	c := new(client)
	var rt http.RoundTripper
	if base != nil {
		c.http = *base
		if rt = base.Transport; rt == nil {
			rt = http.DefaultTransport
		}
	}
	switch t, ok := rt.(*http.Transport); {
	case ok:
		c.own = t.Clone()
	case rt == nil:
		c.own = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:   connectTimeout,
			MaxIdleConns:          maxIdle,
			MaxIdleConnsPerHost:   maxIdle,
			IdleConnTimeout:       idleMax,
			ExpectContinueTimeout: time.Second,
		}
	}
	if c.own != nil {
		c.http.Transport = c.own
	}
	// A redirect would need another signature.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// do sends a request. Connections that were idle for too long are closed first:
// while a process is frozen it does not notice that the other end closes them.
func (c *client) do(req *http.Request) (*http.Response, error) {
	now := time.Now()
	if last := c.used.Swap(&now); last != nil && idle(*last, now) > idleMax {
		c.suspect()
	}
	return c.http.Do(req)
}

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
