package retry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

func TestRetryable(t *testing.T) {
	t.Parallel()
	for status := 100; status < 700; status++ {
		want := status == 408 || status == 421 || status == 425 || status == 429 || status >= 500
		if got := retry.Retryable(&http.Response{StatusCode: status}, nil); got != want {
			t.Errorf("status %d: %v", status, got)
		}
	}
	inURL := func(err error) error { return &url.Error{Op: "Post", URL: "http://h", Err: err} }
	for _, test := range []struct {
		err  error
		want bool
	}{
		{io.EOF, true},
		{inURL(io.ErrUnexpectedEOF), true},
		{inURL(syscall.ECONNRESET), true},
		{inURL(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true},
		{inURL(context.DeadlineExceeded), true}, // of the client's timeout
		{context.Canceled, false},
		{inURL(context.Canceled), false},
	} {
		if got := retry.Retryable(nil, test.err); got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
}

// step is what becomes of one try.
type step struct {
	status int
	after  string // Retry-After
	err    error
	wait   time.Duration
}

// script answers tries and notes when they came and with what body.
type script struct {
	steps  []step
	began  time.Time
	at     []time.Duration
	bodies []string
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	step := s.steps[len(s.at)]
	s.at = append(s.at, time.Since(s.began))
	s.bodies = append(s.bodies, string(body))
	timer := time.NewTimer(step.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	if step.err != nil {
		return nil, step.err
	}
	h := http.Header{}
	if step.after != "" {
		h.Set("Retry-After", step.after)
	}
	return &http.Response{StatusCode: step.status, Header: h, Body: io.NopCloser(strings.NewReader("answer"))}, nil
}

func TestDo(t *testing.T) {
	const ms = time.Millisecond
	reset := errors.New("reset")
	tests := []struct {
		name     string
		steps    []step
		deadline time.Duration // unless 0
		cancel   time.Duration // unless 0
		at       []time.Duration
		status   int   // of the answer
		err      error // or this
		took     time.Duration
	}{
		{name: "at once", steps: []step{{status: 200}}, at: []time.Duration{0}, status: 200},
		{name: "no use", steps: []step{{status: 400}}, at: []time.Duration{0}, status: 400},
		{name: "third time", steps: []step{{status: 500}, {err: reset}, {status: 204}},
			at: []time.Duration{0, 100 * ms, 300 * ms}, status: 204, took: 300 * ms},
		{name: "never", steps: []step{{status: 500}, {status: 501}, {status: 502}, {status: 503}},
			at: []time.Duration{0, 100 * ms, 300 * ms, 700 * ms}, status: 503, took: 700 * ms},
		{name: "never, by errors", steps: []step{{err: reset}, {err: reset}, {err: reset}, {err: reset}},
			at: []time.Duration{0, 100 * ms, 300 * ms, 700 * ms}, err: reset, took: 700 * ms},
		{name: "answer after errors", steps: []step{{err: reset}, {status: 404}},
			at: []time.Duration{0, 100 * ms}, status: 404, took: 100 * ms},
		{name: "as asked", steps: []step{{status: 429, after: "2"}, {status: 503, after: "3"}, {status: 200}},
			at: []time.Duration{0, 2 * time.Second, 5 * time.Second}, status: 200, took: 5 * time.Second},
		{name: "deadline before the wait is over", steps: []step{{status: 500}, {status: 500}}, deadline: 300 * ms,
			at: []time.Duration{0, 100 * ms}, status: 500, took: 100 * ms},
		{name: "deadline before what was asked", steps: []step{{status: 429, after: "2"}}, deadline: 2 * time.Second,
			at: []time.Duration{0}, status: 429},
		{name: "deadline in a try", steps: []step{{status: 500}, {wait: time.Hour}}, deadline: time.Second,
			at: []time.Duration{0, 100 * ms}, err: context.DeadlineExceeded, took: time.Second},
		{name: "no deadline, long wait", steps: []step{{status: 429, after: "31"}}, at: []time.Duration{0}, status: 429},
		{name: "cancelled in a try", steps: []step{{wait: time.Hour}}, cancel: time.Second,
			at: []time.Duration{0}, err: context.Canceled, took: time.Second},
		{name: "cancelled after an answer", steps: []step{{status: 503, after: "9"}}, cancel: time.Second,
			at: []time.Duration{0}, status: 503, took: time.Second},
		{name: "cancelled after an error", steps: []step{{err: reset}}, cancel: 50 * ms,
			at: []time.Duration{0}, err: reset, took: 50 * ms},
		{name: "timeouts of single tries", steps: []step{{wait: time.Hour}, {wait: time.Hour}, {status: 200}},
			at: []time.Duration{0, 5100 * ms, 10300 * ms}, status: 200, took: 10300 * ms},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, cancel)
				}
				s := &script{steps: test.steps, began: time.Now()}
				var previous []error
				r := retry.Loop{
					Client:  httpclient.Attempts(&http.Client{Transport: s}, func() time.Duration { return 5 * time.Second }),
					Retries: 3,
					Wait:    100 * ms,
					OnTry:   func(err error) { previous = append(previous, err) },
				}
				resp, err := r.Do(post(t, ctx, "body"))
				if took := time.Since(s.began); took != test.took {
					t.Errorf("took %v, expected %v", took, test.took)
				}
				switch {
				case test.err != nil:
					if !errors.Is(err, test.err) || resp != nil {
						t.Errorf("got %v, %v, expected %v", resp, err, test.err)
					}
				case err != nil || resp.StatusCode != test.status:
					t.Errorf("got %v, %v, expected status %d", resp, err, test.status)
				default:
					_ = resp.Body.Close()
				}
				if !slices.Equal(s.at, test.at) {
					t.Errorf("tries at %v, expected %v", s.at, test.at)
				}
				for _, body := range s.bodies {
					if body != "body" {
						t.Errorf("body %q", body)
					}
				}
				if len(previous) != len(s.at) || previous[0] != nil {
					t.Fatalf("OnTry heard %v", previous)
				}
				for i, err := range previous[1:] {
					if failed := test.steps[i].status == 0; failed != (err != nil) {
						t.Errorf("before try %d: %v", i+2, err)
					}
				}
			})
		})
	}
}

func post(t *testing.T, ctx context.Context, body string) *retryablehttp.Request {
	t.Helper()
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, "http://platform.test/", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestDoKeepsLastAnswer: the body of an answer that ends the tries can be read.
func TestDoKeepsLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{{status: 500}, {status: 500}}}
		r := retry.Loop{Client: &http.Client{Transport: s}, Retries: 1, Wait: time.Second}
		resp, err := r.Do(post(t, t.Context(), ""))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != "answer" || err != nil {
			t.Errorf("body %q, %v", body, err)
		}
	})
}

func TestDoStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, first := range []step{{status: 503}, {err: io.EOF}} {
			s := &script{steps: []step{first}}
			asked := 0
			r := retry.Loop{Client: &http.Client{Transport: s}, Retries: 5, Wait: time.Second, Stop: func() bool {
				asked++
				return true
			}}
			resp, err := r.Do(post(t, t.Context(), ""))
			if first.err != nil && !errors.Is(err, first.err) || first.err == nil && (err != nil || resp.StatusCode != 503) {
				t.Errorf("got %v, %v", resp, err)
			}
			if asked != 1 || len(s.at) != 1 {
				t.Errorf("asked %d times, tried %d times", asked, len(s.at))
			}
		}
	})
}

func TestWait(t *testing.T) {
	tests := []struct {
		name     string
		wait     time.Duration
		deadline time.Duration // unless 0
		cancel   time.Duration // unless 0
		want     bool
		took     time.Duration
	}{
		{name: "fits", wait: time.Second, deadline: 2 * time.Second, want: true, took: time.Second},
		{name: "does not fit", wait: 2 * time.Second, deadline: 2 * time.Second},
		{name: "no deadline", wait: 30 * time.Second, want: true, took: 30 * time.Second},
		{name: "no deadline, too long", wait: 31 * time.Second},
		{name: "cancelled", wait: 2 * time.Second, cancel: time.Second, took: time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, cancel)
				}
				began := time.Now()
				if got := retry.Wait(ctx, test.wait); got != test.want || time.Since(began) != test.took {
					t.Errorf("%v after %v", got, time.Since(began))
				}
			})
		})
	}
}
