// Package httpclient makes the HTTP clients of the SDK. They have timeouts and
// their own connections, and are protected from bugs of an HTTP client that the
// application provides.
package httpclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

// Attempts returns a client for single tries of requests through the pool of
// base. timeout is called at the beginning of each; its result is above 0. Redirects
// are returned and not followed, so that secrets and bodies go to the configured
// host only.
func Attempts(base *http.Client, timeout func() time.Duration) *http.Client {
	c := limited(base, timeout)
	c.CheckRedirect = lastAnswer
	return c
}

// Following is Attempts, but follows redirects. It does not send the secret to
// another host, and never sends a Referer.
func Following(base *http.Client, timeout time.Duration, secretHeader string) *http.Client {
	c := limited(base, func() time.Duration { return timeout })
	check := c.CheckRedirect
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
		req.Header.Del("Referer") // the previous address, which may be signed
		if check != nil {
			return check(req, via)
		}
		return nil
	}
	return c
}

const maxRedirects = 5

// limited returns a client that sends requests through the pool of base, with a
// timeout for each attempt.
func limited(base *http.Client, timeout func() time.Duration) *http.Client {
	pool := poolOf(base)
	c := *base
	if c.Transport != pool { // the client is the application's
		c = *pool.Client()
	}
	c.Timeout = 0
	c.Transport = &attempt{RoundTripper: pool, timeout: timeout, limit: base.Timeout}
	return &c
}

// Detach returns a context for requests of a retry.Loop with a client of Attempts.
// When ctx ends, waits end and no try begins; a try that is under way goes on
// until tries ends.
func Detach(ctx, tries context.Context) context.Context {
	return context.WithValue(ctx, triesKey{}, tries)
}

type triesKey struct{}

// detached returns the context for a try that begins now.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	tries, ok := ctx.Value(triesKey{}).(context.Context)
	if !ok {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(tries, func() { cancel(context.Cause(tries)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// attempt is a RoundTripper with a timeout. The Timeout of http.Client costs
// two goroutines per request if its Transport is not an *http.Transport.
type attempt struct {
	http.RoundTripper
	timeout func() time.Duration
	limit   time.Duration // the application's; 0 is no limit
}

// RoundTrip implements http.RoundTripper.
func (t *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := context.Cause(req.Context()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	timeout := t.timeout()
	if t.limit > 0 {
		timeout = min(timeout, t.limit)
	}
	whole, end := detached(req.Context())
	ctx, stop := clock.WithTimeout(whole, timeout)
	cancel := func() {
		stop()
		end()
	}
	resp, err := t.RoundTripper.RoundTrip(req.WithContext(ctx))
	if err != nil {
		err = timedOut(ctx, err)
		cancel()
		return nil, err
	}
	resp.Body = &body{resp.Body, cancel}
	return resp, nil
}

// body stops the timeout when it is closed.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
