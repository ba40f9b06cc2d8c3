package event

import (
	"net/http"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// TestRedirect: a redirect is not followed, neither with the events nor with
// the secret.
func TestRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			var other testPlatform
			elsewhere := other.serve(t)
			sink := testPlatform{answer: func(n int, _ []item) reply {
				if n == 0 {
					return reply{status: status, to: elsewhere.URL + "/api/public/track"}
				}
				return reply{}
			}}
			p := overLoopback(t, flush.Config{}, &sink)
			record(p, user("u"), "a", "b")
			err := p.Flush(t.Context())
			checkError(t, err, &flush.Error{Retained: 2})
			for _, want := range []string{p.to.URL, "redirects are not followed", "EventsURL"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error without %q: %v", want, err)
				}
			}
			checkStats(t, p, flush.Stats{Recorded: 2, Queued: 2, Requests: 1})
			checkError(t, p.Flush(t.Context()), nil)
			if got := sink.arrived(); got != "a b" {
				t.Errorf("arrived: %q", got)
			}
			if got := len(other.seen()); got != 0 {
				t.Errorf("%d requests went to the other host", got)
			}
		})
	}
}

// TestRedirectToNowhere has a Location that cannot be used.
func TestRedirectToNowhere(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"", "::", "http://%zz/", "/"} {
		p := overLoopback(t, flush.Config{Retries: -1}, &testPlatform{answer: func(int, []item) reply { return reply{status: 307, to: to} }})
		record(p, user("u"), "a")
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
		checkBooks(t, p.Stats())
	}
}
