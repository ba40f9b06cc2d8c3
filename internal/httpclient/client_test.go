package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// stalled answers no request.
type stalled struct{ closed int }

func (s *stalled) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func (s *stalled) CloseIdleConnections() { s.closed++ }

// constant is a timeout that is the same for each try.
func constant(timeout time.Duration) func() time.Duration {
	return func() time.Duration { return timeout }
}

func TestAttemptsTimeout(t *testing.T) {
	for _, test := range []struct{ base, timeout, want time.Duration }{
		{base: 0, timeout: 3 * time.Second, want: 3 * time.Second},
		{base: time.Second, timeout: 3 * time.Second, want: time.Second},
		{base: time.Minute, timeout: 3 * time.Second, want: 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			base := &http.Client{Transport: &stalled{}, Timeout: test.base}
			began := time.Now()
			resp, err := Attempts(base, constant(test.timeout)).Get("http://platform.test/")
			if err == nil {
				_ = resp.Body.Close()
			}
			if took := time.Since(began); took != test.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%+v: %v after %v", test, err, took)
			}
			if base.Timeout != test.base {
				t.Errorf("%+v: the client was changed", test)
			}
		})
	}
}

// TestAttemptsSharesTransport, but does not close its connections.
func TestAttemptsSharesTransport(t *testing.T) {
	t.Parallel()
	base := &stalled{}
	Attempts(&http.Client{Transport: base}, constant(time.Second)).CloseIdleConnections()
	if base.closed != 0 {
		t.Error("idle connections were closed")
	}
	c := Attempts(&http.Client{}, constant(time.Second))
	if got := c.Transport.(*attempt).RoundTripper.(*Pool).base; got != http.DefaultTransport {
		t.Errorf("transport is a clone of %v, expected the default", got)
	}
}

func TestAttemptsRedirect(t *testing.T) {
	t.Parallel()
	followed := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	resp, err := Attempts(server.Client(), constant(time.Minute)).Post(server.URL, "text/plain", strings.NewReader("secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusTemporaryRedirect || followed {
		t.Errorf("status %d, followed %v", resp.StatusCode, followed)
	}
}

func TestNewVerifies(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := NewPool(nil, nil)
	defer pool.Close()
	resp, err := pool.Client().Get(server.URL)
	if err == nil {
		_ = resp.Body.Close()
	}
	var untrusted *tls.CertificateVerificationError
	if !errors.As(err, &untrusted) {
		t.Errorf("error %v", err)
	}
	if pool.base.Proxy == nil {
		t.Error("the environment's proxy is not used")
	}
}

// TestUnsentOverConnections has real connections fail before and after there
// is one.
func TestUnsentOverConnections(t *testing.T) {
	t.Parallel()
	abort := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(abort.Close)
	abortTLS := httptest.NewUnstartedServer(abort.Config.Handler)
	abortTLS.EnableHTTP2 = true
	abortTLS.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	abortTLS.StartTLS()
	t.Cleanup(abortTLS.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	// A dial goes on when the request that wanted it has ended.
	slow := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		<-t.Context().Done()
		return nil, t.Context().Err()
	}}
	tests := []struct {
		name   string
		url    string
		client *http.Client
		want   bool
	}{
		{name: "answer lost", url: abort.URL, client: abort.Client()},
		{name: "answer lost over HTTP/2", url: abortTLS.URL, client: abortTLS.Client()},
		{name: "refused", url: closed.URL, client: &http.Client{Transport: &http.Transport{}}, want: true},
		{name: "not trusted", url: abortTLS.URL, client: &http.Client{Transport: &http.Transport{}}, want: true},
		{name: "dialling stalls", url: abort.URL, client: &http.Client{Transport: slow}, want: true},
		{name: "a transport that tells nothing", url: abort.URL, client: &http.Client{Transport: &stalled{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, err := retryablehttp.NewRequestWithContext(t.Context(), http.MethodPost, test.url, []byte("body"))
			if err != nil {
				t.Fatal(err)
			}
			r := retry.Loop{Client: Attempts(test.client, constant(200*time.Millisecond))}
			if _, err := r.Do(req); err == nil || retry.Unsent(err) != test.want { //nolint:bodyclose // there is none
				t.Errorf("Unsent(%v) is %v", err, retry.Unsent(err))
			}
		})
	}
}

// TestDetach: a try goes on when its context ends, until the other one does. No
// retry follows.
func TestDetach(t *testing.T) {
	for _, test := range []struct {
		name  string
		tries time.Duration // end
		want  time.Duration
	}{
		{name: "until the answer", tries: time.Hour, want: 2 * time.Second},
		{name: "until tries end", tries: 1500 * time.Millisecond, want: 1500 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				late := testkit.RoundTrip(func(req *http.Request) (*http.Response, error) {
					calls++
					select {
					case <-time.After(2 * time.Second):
						return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
					case <-req.Context().Done():
						return nil, context.Cause(req.Context())
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				tries, end := context.WithTimeout(t.Context(), test.tries)
				defer end()
				r := retry.Loop{Client: Attempts(&http.Client{Transport: late}, constant(time.Minute)), Retries: 5, Wait: time.Millisecond}
				send := func() (*http.Response, error) {
					req, err := retryablehttp.NewRequestWithContext(Detach(ctx, tries), http.MethodPost, "http://platform.test/", nil)
					if err != nil {
						t.Fatal(err)
					}
					return r.Do(req)
				}
				began := time.Now()
				resp, err := send()
				if err == nil {
					_ = resp.Body.Close()
				}
				if took := time.Since(began); took != test.want || calls != 1 || (err == nil) != (test.want == 2*time.Second) {
					t.Errorf("%v, %d tries after %v, want one try of %v", err, calls, took, test.want)
				}
				if resp, err := send(); err == nil || calls != 1 {
					t.Errorf("a request after the end of its context: %v, %v", resp, err)
				}
			})
		})
	}
}

// A timeout that a stopwatch counts is an error like that of another timeout: a
// request is tried again after it.
func TestAttemptsTimeoutByStopwatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watch clock.Stopwatch
		ctx := watch.Context(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://platform.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		work := time.AfterFunc(time.Hour, watch.Start)
		defer work.Stop()
		began := time.Now()
		resp, err := Attempts(&http.Client{Transport: &stalled{}}, constant(3*time.Second)).Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if took := time.Since(began); took != time.Hour+3*time.Second || !errors.Is(err, context.DeadlineExceeded) || !retry.Retryable(nil, err) {
			t.Errorf("%v after %v, want a timeout 3 s after work began", err, took)
		}
		watch.Stop()
	})
}
