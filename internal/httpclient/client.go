package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

// New returns the client that is used when the application brings none: TLS
// verified, proxy from the environment, a few idle connections.
func New() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConns:        8,
		MaxIdleConnsPerHost: 8,
		// Short of what platforms and balancers allow. net/http goes by the wall
		// clock, so after a freeze connections that died meanwhile are not used.
		IdleConnTimeout:       30 * time.Second,
		ExpectContinueTimeout: time.Second,
	}}
}

// Attempts returns a client for single tries of requests through base: each
// takes at most timeout, which is above 0, and a redirect is an answer like
// any other, so that secrets and bodies go to the configured host only.
func Attempts(base *http.Client, timeout time.Duration) *http.Client {
	c := limited(base, timeout)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Following is Attempts, but follows redirects, without the secret where they
// lead to another host, and without telling where they come from.
func Following(base *http.Client, timeout time.Duration, secretHeader string) *http.Client {
	c := limited(base, timeout)
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case len(via) > maxRedirects:
			return errors.New("too many redirects")
		case first.Scheme == "https" && req.URL.Scheme != "https":
			return errors.New("a redirect leads from https to " + req.URL.Scheme)
		case req.URL.Scheme != first.Scheme || req.URL.Host != first.Host:
			req.Header.Del(secretHeader)
		}
		req.Header.Del("Referer") // the address before, which may be signed
		if base.CheckRedirect != nil {
			return base.CheckRedirect(req, via)
		}
		return nil
	}
	return c
}

const maxRedirects = 5

// limited returns a copy of base with a timeout for each try.
func limited(base *http.Client, timeout time.Duration) *http.Client {
	c := *base
	if c.Timeout > 0 {
		timeout = min(timeout, c.Timeout)
	}
	c.Timeout = 0
	c.Transport = &attempt{RoundTripper: transportOf(base), timeout: timeout}
	return &c
}

// attempt is a RoundTripper with a timeout. That of http.Client costs two
// goroutines a request where its Transport is not net/http's own.
//
// It also hides CloseIdleConnections: retries would close connections of the
// application's that are none of their business.
type attempt struct {
	http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper. A panic of the application's is an
// error like any other: here it would end the process, as no goroutine of the
// application's is below.
func (t *attempt) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	ctx, cancel := clock.WithTimeout(req.Context(), t.timeout)
	defer func() {
		if v := recover(); v != nil {
			cancel()
			resp, err = nil, fmt.Errorf("the HTTP client's transport panicked with a %T", v)
		}
	}()
	resp, err = t.RoundTripper.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) && errors.Is(err, context.Canceled) {
			err = context.DeadlineExceeded // the error of a timeout that a stopwatch counts
		}
		cancel()
		return nil, err
	}
	resp.Body = &body{resp.Body, cancel}
	return resp, nil
}

// body ends the timeout when it is closed.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func transportOf(c *http.Client) http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	return http.DefaultTransport
}
