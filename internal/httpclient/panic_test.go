package httpclient_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestPanicIsAnError: a transport of the application's that panics, or answers
// nothing at all, costs its request.
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	for want, mistake := range map[string]testkit.RoundTrip{
		"HTTPClient.Transport panicked with a string": func(*http.Request) (*http.Response, error) { panic("hunter2") },
		"HTTPClient.Transport called runtime.Goexit":  func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil },
		"returned neither a response nor an error":    func(*http.Request) (*http.Response, error) { return nil, nil },
		"returned a response without a body": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: 7}, nil
		},
	} {
		base := &http.Client{Transport: mistake}
		for _, client := range []*http.Client{httpclient.Attempts(base, func() time.Duration { return time.Minute }), httpclient.Following(base, time.Minute, "secret")} {
			resp, err := client.Get("http://localhost")
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v, error %v, want %q", resp, err, want)
			}
		}
	}
}
