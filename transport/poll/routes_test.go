package poll_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// urls are those of requests, in order.
func urls(requests []*http.Request) (all []string) {
	for _, r := range requests {
		all = append(all, r.URL.String())
	}
	return all
}

// checkAsked checks which URLs were asked since the last time.
func (s *session) checkAsked(want ...string) {
	s.t.Helper()
	if got := urls(s.p.requests()); !slices.Equal(got, want) {
		s.t.Errorf("asked %q, want %q", got, want)
	}
}

func TestRequest(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(200, data))
		s := open(t, p, poll.Transport{})
		s.refreshed()
		r := p.requests()[0]
		if r.Method != "GET" || r.Body != nil || r.URL.String() != plural {
			t.Errorf("got %s %s", r.Method, r.URL)
		}
		want := http.Header{"Accept": {"application/json"}, "Envsecret": {secret}, "User-Agent": {httpclient.UserAgent()}}
		if !maps.EqualFunc(r.Header, want, slices.Equal) {
			t.Errorf("got %v, want %v", r.Header, want)
		}
	})
}

// The route that had the data is asked first from then on.
func TestRouteIsRemembered(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, routes(map[string]answer{singular: with(200, data)}))
		s := open(t, p, poll.Transport{})
		s.refreshed()
		s.checkAsked(plural, singular)
		for range 3 {
			stale()
			s.refreshed()
			s.checkAsked(singular)
		}
		// The platform moves on.
		p.answers(routes(map[string]answer{plural: with(200, data)}))
		stale()
		s.refreshed()
		s.checkAsked(singular, plural)
		stale()
		s.refreshed()
		s.checkAsked(plural)
		if got, want := s.stats(), (transport.Stats{Connects: 8, Fetches: 6}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A route that has no usable data is not remembered.
func TestRouteWithoutData(t *testing.T) {
	for name, junk := range map[string]answer{"junk": with(200, "junk"), "500": with(500, "", "Retry-After: 1"), "truncated": breaking} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, routes(map[string]answer{singular: junk}))
				s := open(t, p, poll.Transport{})
				for range 2 {
					s.refused("interrupted")
					s.checkAsked(plural, singular)
					stale()
				}
			})
		})
	}
}

// Only 404 says that there is no such route.
func TestOtherRouteIsNotTried(t *testing.T) {
	for name, a := range map[string]answer{"403": with(403, ""), "junk": with(200, "junk"), "429": with(429, "", "Retry-After: 1")} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := open(t, newPlatform(t, routes(map[string]answer{plural: a, singular: with(200, data)})), poll.Transport{})
				s.refused("interrupted")
				s.checkAsked(plural)
			})
		})
	}
}
