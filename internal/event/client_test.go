package event

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// appTransport is a RoundTripper of the application's that says what is done
// with it.
type appTransport struct {
	http.RoundTripper
	requests, closed int
}

func (a *appTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	a.requests++
	return a.RoundTripper.RoundTrip(req)
}

func (a *appTransport) CloseIdleConnections() { a.closed++ }

// TestApplicationsClient is used as it is, and left alone.
func TestApplicationsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(n int, _ []item) reply {
			return [...]reply{{status: 500}, {err: errReset}, {status: 500}, {status: 307, to: "http://elsewhere.test/"}, {}}[n]
		}}
		app := &appTransport{RoundTripper: &sink}
		client := &http.Client{
			Transport: app,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				t.Error("the application was asked about a redirect")
				return errors.New("no")
			},
		}
		before := *client
		p := New(flush.Config{}, destination("http://platform.test", client))
		record(p, user("u"), "a")
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
		checkError(t, p.Close(t.Context()), nil)
		if app.requests != 5 || app.closed != 0 {
			t.Errorf("%d requests; idle connections were closed %d times", app.requests, app.closed)
		}
		if client.Timeout != before.Timeout || client.Transport != before.Transport || client.Jar != before.Jar {
			t.Errorf("the client was changed: %+v", client)
		}
	})
}

// TestApplicationsTimeout counts where it is the smaller one.
func TestApplicationsTimeout(t *testing.T) {
	for _, test := range []struct{ app, own, want time.Duration }{
		{app: 0, own: 0, want: 10 * time.Second},
		{app: 0, own: 2 * time.Second, want: 2 * time.Second},
		{app: time.Second, own: 2 * time.Second, want: time.Second},
		{app: time.Minute, own: 2 * time.Second, want: 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			sink := testPlatform{answer: func(int, []item) reply { return reply{stall: true} }}
			p := New(flush.Config{Timeout: test.own, Retries: -1}, destination("http://platform.test", &http.Client{Transport: &sink, Timeout: test.app}))
			record(p, user("u"), "a")
			began := time.Now()
			checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
			if took := time.Since(began); took != test.want {
				t.Errorf("%+v: took %v", test, took)
			}
		})
	}
}
