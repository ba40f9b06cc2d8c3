// Package retry decides whether and when to retry: backoff, jitter, the
// Retry-After header, the class of a status, the loop that retries a request,
// and the reconnect policy of background transports.
package retry

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

// Loop sends a request until it succeeds or retries are used up.
type Loop struct {
	Client  *http.Client  // for single attempts: see httpclient.Attempts
	Retries int           // attempts after the first
	Wait    time.Duration // before the first retry; doubles
	// MaxWait is the longest wait for a retry. If the server asks for more with
	// Retry-After, there is no retry. 0 is as long as the deadline allows, or
	// 30 s without one.
	MaxWait time.Duration
	// OnTry is called before each attempt with the error of the previous one,
	// which is nil if the server responded.
	OnTry func(previous error)
	// RetryOn is called with each response and reports whether to retry. Transient
	// statuses (see Classify) are retried anyway. nil never does.
	RetryOn func(*http.Response) bool
	// Stop is called before each retry, after the wait, and ends the loop if it
	// reports true. nil never does.
	Stop func() bool
	// Conn is the trace of the attempt that is under way, and of the last one
	// after Do. nil is a trace that only Do uses.
	Conn *ConnTrace
}

// maxWait bounds the doubling waits, and the wait of Do and Wait if there is no
// deadline.
const maxWait = 30 * time.Second

// Do sends the request. It retries after network errors and transient statuses
// (see Classify) while the context's deadline leaves time for the wait. If a
// connection kept from an earlier request no longer works, Do retries once at
// once, over a new connection, which does not count in Retries.
//
// Do returns the response or the error of the last attempt. The body of a
// response that was to be retried may have been read already.
func (l *Loop) Do(req *retryablehttp.Request) (*http.Response, error) {
	var (
		response *http.Response
		last     error
		conn     = cmp.Or(l.Conn, &ConnTrace{})

		attempted bool
		refreshed bool // retried because a kept connection no longer worked
		attempts  int  // but for that one
	)
	c := retryablehttp.Client{
		HTTPClient:   l.Client,
		RetryMax:     l.Retries + 1,
		RetryWaitMin: l.Wait,
		RetryWaitMax: maxWait,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		RequestLogHook: func(retryablehttp.Logger, *http.Request, int) {
			conn.reset()
			if l.OnTry != nil {
				l.OnTry(last)
			}
		},
		PrepareRetry: func(*http.Request) error {
			if l.Stop != nil && l.Stop() {
				return errStopped
			}
			return nil
		},
	}
	wait := time.Duration(0)
	c.Backoff = func(time.Duration, time.Duration, int, *http.Response) time.Duration { return wait }
	c.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		attempted = true
		response, last = resp, safelog.Error(err, secretsOf(req.Header)...)
		if err != nil && conn.missing() {
			last = NotSent(last)
		}
		again := err == nil && l.RetryOn != nil && l.RetryOn(resp)
		if !again && !Retryable(resp, err) || ctx.Err() != nil {
			return false, nil
		}
		if !refreshed && conn.stale(err) {
			refreshed, wait = true, 0
			return true, nil
		}
		wait = pause(l.Wait, attempts, resp)
		attempts++
		return attempts <= l.Retries && fits(ctx, wait) && (l.MaxWait == 0 || wait <= l.MaxWait), nil
	}
	_, err := c.Do(req.WithContext(conn.Record(req.Context())))
	if !attempted {
		return nil, err
	}
	return response, last
}

// minSecret is the minimum length of a header value that counts as a secret.
// Shorter values may occur in any text.
const minSecret = 16

// secretsOf returns the values of headers that an error must not quote.
func secretsOf(h http.Header) (secrets []string) {
	for name, values := range h {
		switch name {
		case "Accept", "Accept-Encoding", "Content-Type", "User-Agent", "If-None-Match", "If-Modified-Since":
		default:
			for _, value := range values {
				if len(value) >= minSecret {
					secrets = append(secrets, value)
				}
			}
		}
	}
	return secrets
}

// errStopped ends retryablehttp's loop. Do does not return it.
var errStopped = errors.New("stopped")

// Wait blocks for d and reports true. It reports false at once if the deadline of
// ctx is earlier, or if ctx has none and d exceeds 30 s, and as soon as ctx ends.
func Wait(ctx context.Context, d time.Duration) bool {
	if !fits(ctx, d) {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fits reports whether the context leaves more time than a wait takes.
func fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return wait <= maxWait
	}
	return time.Until(deadline) > wait
}

// pause returns the wait after a number of failed attempts: Retry-After, or first
// doubled for each of them.
func pause(first time.Duration, failures int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait, ok := After(resp.Header, time.Now()); ok {
			return wait
		}
	}
	return Double(first, maxWait, uint(failures))
}

// Retryable reports whether the same request may succeed later.
func Retryable(resp *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled)
	}
	return Classify(resp.StatusCode) == Transient
}

// Unsent reports whether an error occurred before any part of the request could
// reach the server.
func Unsent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, unsent := errors.AsType[*unsentError](err)
	return unsent
}

// NotSent returns err, marked for Unsent.
func NotSent(err error) error { return &unsentError{err} }

// unsentError is the error of an attempt that got no connection: a deadline that
// passes while dialling does not look like a failed dial.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }
