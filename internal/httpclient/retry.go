package httpclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

// Retrier is a request with retries.
type Retrier struct {
	Client  *http.Client  // for single tries: see Attempts
	Retries int           // tries after the first
	Wait    time.Duration // before the first retry; doubles
	// MaxWait is how long to wait for a retry at most, also where the server
	// asks for more; then there is none. 0 is as long as the deadline allows,
	// or 30 s without one.
	MaxWait time.Duration
	// OnTry is called before each try with the error of the one before, which
	// is nil if it was answered.
	OnTry func(previous error)
	// RetryOn is called with each answer and reports whether to retry, besides
	// after transient statuses (see retry.Classify). nil never does.
	RetryOn func(*http.Response) bool
	// Stop is asked before each retry, after the wait. When it reports true
	// there are no more. nil never does.
	Stop func() bool
}

// maxWait bounds the doubling waits, and how long Do waits where no deadline
// says how long it may.
const maxWait = 30 * time.Second

// Do sends the request. Transient statuses (see retry.Classify) and errors of
// the network are tried again as long as the context's deadline leaves time for
// the wait. If a connection that was kept from an earlier request does not work
// any more, Do tries once more at once, over a new one, which does not count in
// Retries.
// It returns what the last try came to: an answer, whose body may have been
// read already if it is to be retried, or an error.
func (r *Retrier) Do(req *retryablehttp.Request) (*http.Response, error) {
	var (
		answer *http.Response
		last   error
		conn   connTrace

		asked     bool // whether to retry
		refreshed bool // retried because a kept connection did not work any more
		tries     int  // but for that one
	)
	c := retryablehttp.Client{
		HTTPClient:   r.Client,
		RetryMax:     r.Retries + 1,
		RetryWaitMin: r.Wait,
		RetryWaitMax: maxWait,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		RequestLogHook: func(retryablehttp.Logger, *http.Request, int) {
			conn.reset()
			if r.OnTry != nil {
				r.OnTry(last)
			}
		},
		PrepareRetry: func(*http.Request) error {
			if r.Stop != nil && r.Stop() {
				return errStopped
			}
			return nil
		},
	}
	wait := time.Duration(0)
	c.Backoff = func(time.Duration, time.Duration, int, *http.Response) time.Duration { return wait }
	c.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		asked = true
		answer, last = resp, safelog.Error(err, secretsOf(req.Header)...)
		if err != nil && conn.missing() {
			last = unsentError{last}
		}
		again := err == nil && r.RetryOn != nil && r.RetryOn(resp)
		if !again && !Retryable(resp, err) || ctx.Err() != nil {
			return false, nil
		}
		if !refreshed && conn.stale(err) {
			refreshed, wait = true, 0
			return true, nil
		}
		wait = backoff(r.Wait, maxWait, tries, resp)
		tries++
		return tries <= r.Retries && fits(ctx, wait) && (r.MaxWait == 0 || wait <= r.MaxWait), nil
	}
	_, err := c.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), conn.hooks())))
	if !asked {
		return nil, err
	}
	return answer, last
}

// minSecret is how long the value of a header must be to pass for a secret.
// Shorter ones may occur in any text.
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

// errStopped ends retryablehttp's loop; nobody sees it.
var errStopped = errors.New("stopped")

// Wait blocks for d and reports true, or reports false if ctx leaves less time
// than that or ends.
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

// fits reports whether the context leaves time for a wait and something after.
func fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return wait <= maxWait
	}
	return time.Until(deadline) > wait
}

// backoff doubles the wait for each try; Retry-After comes first.
func backoff(first, most time.Duration, try int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait, ok := retry.After(resp.Header, time.Now()); ok {
			return wait
		}
	}
	wait := min(first, most)
	for range try {
		wait = min(2*wait, most)
	}
	return wait
}

// Retryable reports whether the same request may do better later.
func Retryable(resp *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled)
	}
	return retry.Classify(resp.StatusCode) == retry.Transient
}

// Unsent reports whether an error came before anything of the request could
// reach the server.
func Unsent(err error) bool {
	var op *net.OpError
	var unsent unsentError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &unsent)
}

// unsentError is the error of a try that got no connection: a deadline that
// passed while dialling does not look like a failed dial.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// connTrace watches what connection a try gets.
type connTrace struct{ asked, got, reused atomic.Bool }

func (t *connTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			t.reused.Store(info.Reused)
			t.got.Store(true)
		},
	}
}

func (t *connTrace) reset() {
	t.asked.Store(false)
	t.got.Store(false)
	t.reused.Store(false)
}

// missing reports whether a connection was asked for in vain. A RoundTripper
// that calls no hooks asked for none: what it did is not known.
func (t *connTrace) missing() bool { return t.asked.Load() && !t.got.Load() }

// stale reports whether a try failed because the other end has closed a
// connection that was kept.
func (t *connTrace) stale(err error) bool {
	return err != nil && t.reused.Load() && !errors.Is(err, context.DeadlineExceeded)
}

// suspicious reports whether a request that failed speaks against its
// connection: the connection brought nothing as long as ctx allowed, or had
// been idle and did not work any more.
func (t *connTrace) suspicious(ctx context.Context) bool {
	return t.got.Load() && (ctx.Err() != nil || t.reused.Load())
}
