package httpclient_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// What requests say about a host, one letter each.
var outcomes = map[byte]struct {
	status int
	err    error
}{
	's': {status: 200},
	'c': {status: 304},
	'u': {status: 101},
	'r': {status: 403},
	'f': {status: 503},
	'n': {err: errors.New("connection refused")},
	'x': {err: context.Canceled},
	'0': {}, // a RoundTripper that returns nothing
}

func TestRecovered(t *testing.T) {
	t.Parallel()
	for requests, want := range map[string]bool{
		"":     false,
		"s":    false,
		"f":    false,
		"fs":   true,
		"nc":   true,
		"frxs": true,
		"fr":   false,
		"fu":   false,
		"fus":  false,
		"xs":   false,
		"0s":   true,
		"fsf":  true, // and stays until somebody looks
	} {
		t.Run(requests, func(t *testing.T) {
			t.Parallel()
			n := 0
			pool := httpclient.NewPool(&http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
				outcome := outcomes[requests[n]]
				n++
				if outcome.status == 0 {
					return nil, outcome.err
				}
				return &http.Response{StatusCode: outcome.status}, nil
			})}, nil)
			c := pool.Client()
			recovered := httpclient.Recovered(c, "wss://Platform.test/prefix")
			for range requests {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://platform.test:443/other", nil)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = c.Transport.RoundTrip(req)
			}
			if got := len(recovered) > 0; got != want {
				t.Errorf("recovered: %v, expected %v", got, want)
			}
		})
	}
}

func TestRecoveredWithoutPool(t *testing.T) {
	t.Parallel()
	if httpclient.Recovered(&http.Client{}, "wss://platform.test") != nil {
		t.Error("a channel of a client without a pool")
	}
}
