package httpclient

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// redirects is a RoundTripper for which an address leads to another, or is the
// end.
type redirects struct {
	to   map[string]string
	seen []*http.Request
}

func (r *redirects) RoundTrip(req *http.Request) (*http.Response, error) {
	r.seen = append(r.seen, req)
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}
	if to := r.to[req.URL.String()]; to != "" {
		resp.StatusCode = http.StatusFound
		resp.Header.Set("Location", to)
	}
	return resp, nil
}

// get follows redirects from an address, with a secret.
func (r *redirects) get(t *testing.T, base *http.Client, address string) (*http.Response, error) {
	t.Helper()
	base.Transport = r
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("envSecret", "hunter2")
	req.Header.Set("User-Agent", "ours")
	resp, err := Following(base, time.Minute, "envSecret").Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

func TestFollowing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		path     []string // of addresses
		secretTo []int    // indices of those that get the secret
		err      string
	}{
		{name: "none", path: []string{"https://a.test/x?sig=1"}, secretTo: []int{0}},
		{name: "same host", path: []string{"https://a.test/x", "https://a.test/y"}, secretTo: []int{0, 1}},
		{name: "another host", path: []string{"https://a.test/x?sig=1", "https://b.test/y"}, secretTo: []int{0}},
		{name: "a host inside", path: []string{"https://a.test/x?sig=1", "https://b.a.test/y"}, secretTo: []int{0}},
		{name: "another port", path: []string{"https://a.test/x?sig=1", "https://a.test:8443/y"}, secretTo: []int{0}},
		{name: "to https", path: []string{"http://a.test/x?sig=1", "https://a.test/x"}, secretTo: []int{0}},
		{name: "to http", path: []string{"https://a.test/x?sig=1", "http://a.test/x"}, secretTo: []int{0}, err: "https to http"},
		{name: "to http later", path: []string{"https://a.test/x?sig=1", "https://b.test/x", "http://b.test/x"}, secretTo: []int{0}, err: "https to http"},
		{name: "on from another host", path: []string{"https://a.test/x?sig=1", "https://b.test/y?sig=2", "https://c.test/z"}, secretTo: []int{0}},
		{name: "and back", path: []string{"https://a.test/x?sig=1", "https://b.test/y?sig=2", "https://a.test/z"}, secretTo: []int{0, 2}},
		{name: "five", path: chain(5), secretTo: []int{0, 1, 2, 3, 4, 5}},
		{name: "six", path: chain(6), secretTo: []int{0, 1, 2, 3, 4, 5}, err: "too many"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &redirects{to: make(map[string]string)}
			for i, to := range tt.path[1:] {
				r.to[tt.path[i]] = to
			}
			resp, err := r.get(t, &http.Client{}, tt.path[0])
			reached := len(tt.path)
			if tt.err != "" {
				reached--
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q in it", err, tt.err)
				}
			} else if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%v, %v", resp, err)
			}
			if len(r.seen) != reached {
				t.Fatalf("%d requests, want %d", len(r.seen), reached)
			}
			for i, req := range r.seen {
				if got, want := req.Header.Get("envSecret") != "", slices.Contains(tt.secretTo, i); got != want {
					t.Errorf("%s got the secret: %v, want %v", req.URL, got, want)
				}
				if got := req.Header.Get("User-Agent"); got != "ours" {
					t.Errorf("%s got User-Agent %q", req.URL, got)
				}
				if got := req.Header.Get("Referer"); got != "" {
					t.Errorf("%s got Referer %s", req.URL, got)
				}
			}
		})
	}
}

// chain is a path of n redirects on one host.
func chain(n int) (path []string) {
	for i := range n + 1 {
		path = append(path, fmt.Sprintf("https://a.test/%d", i))
	}
	return path
}

// TestFollowingAsksTheApplication, whose client it is, but does not change it.
func TestFollowingAsksTheApplication(t *testing.T) {
	t.Parallel()
	no := errors.New("no redirects")
	for _, base := range []*http.Client{
		{CheckRedirect: func(*http.Request, []*http.Request) error { return no }},
		{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	} {
		r := &redirects{to: map[string]string{"http://a.test/": "http://b.test/"}}
		resp, err := r.get(t, base, "http://a.test/")
		if !errors.Is(err, no) && (err != nil || resp.StatusCode != http.StatusFound) {
			t.Errorf("%v, %v", resp, err)
		}
		if len(r.seen) != 1 || base.Timeout != 0 || base.Transport != r {
			t.Errorf("%d requests, the client is %+v", len(r.seen), base)
		}
	}
}

// TestFollowingHeaders: what is taken away on the way is not taken from the
// request that will be sent again.
func TestFollowingHeaders(t *testing.T) {
	t.Parallel()
	r := &redirects{to: map[string]string{"http://a.test/": "http://b.test/"}}
	for range 2 {
		if _, err := r.get(t, &http.Client{}, "http://a.test/"); err != nil {
			t.Fatal(err)
		}
	}
	first := r.seen[0].Header
	if want := (http.Header{"Envsecret": {"hunter2"}, "User-Agent": {"ours"}}); !maps.EqualFunc(first, want, slices.Equal) {
		t.Errorf("got %v, want %v", first, want)
	}
}
