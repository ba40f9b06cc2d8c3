package httpclient

import (
	"net"
	"net/http"
	"time"
)

// New returns the client that is used when the application brings none: TLS
// verified, proxy from the environment, a few idle connections.
func New() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   5 * time.Second,
		MaxIdleConns:          8,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}}
}

// Attempts returns a client for single tries of requests through base: each
// takes at most timeout, which is above 0, and a redirect is an answer like any other, so that
// secrets and bodies go to the configured host only.
func Attempts(base *http.Client, timeout time.Duration) *http.Client {
	c := *base
	if c.Timeout == 0 || c.Timeout > timeout {
		c.Timeout = timeout
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Transport = shared{transportOf(base)}
	return &c
}

// shared hides CloseIdleConnections: retries would close connections of the
// application's that are none of their business.
type shared struct{ http.RoundTripper }

func transportOf(c *http.Client) http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	return http.DefaultTransport
}
