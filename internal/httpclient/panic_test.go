package httpclient_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestPanicIsAnError: a transport of the application's that panics, or answers
// nothing at all, costs its request.
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string]roundTripper{
		"panics":    func(*http.Request) (*http.Response, error) { panic("hunter2") },
		"no answer": func(*http.Request) (*http.Response, error) { return nil, nil },
	} {
		base := &http.Client{Transport: mistake}
		for _, client := range []*http.Client{httpclient.Attempts(base, time.Minute), httpclient.Following(base, time.Minute, "secret")} {
			resp, err := client.Get("http://localhost")
			if err == nil || !strings.Contains(err.Error(), "panicked") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, error %v", name, resp, err)
			}
		}
	}
}
