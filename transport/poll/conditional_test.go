package poll_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// refreshedIf is refreshed, and checks the conditions of the only request.
func (s *session) refreshedIf(noneMatch, modifiedSince string) []call {
	s.t.Helper()
	stale()
	told := s.refreshed()
	s.checkConditions(noneMatch, modifiedSince)
	return told
}

// checkConditions checks the conditions of the last request.
func (s *session) checkConditions(noneMatch, modifiedSince string) {
	s.t.Helper()
	requests := s.p.requests()
	h := requests[len(requests)-1].Header
	if got := h.Get("If-None-Match"); got != noneMatch {
		s.t.Errorf("If-None-Match: got %q, want %q", got, noneMatch)
	}
	if got := h.Get("If-Modified-Since"); got != modifiedSince {
		s.t.Errorf("If-Modified-Since: got %q, want %q", got, modifiedSince)
	}
}

// Requests are conditional where the last answer said how. What has not
// changed is not stored again, only confirmed.
func TestConditional(t *testing.T) {
	const modified, later = "Mon, 03 Jan 2000 10:00:00 GMT", "Mon, 03 Jan 2000 11:00:00 GMT"
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(200, data, `ETag: W/"a"`))
		s := open(t, p, poll.Transport{})
		checkCalls(t, s.refreshedIf("", ""), "applied", "confirmed")
		p.answers(with(304, ""))
		for range 3 {
			checkCalls(t, s.refreshedIf(`W/"a"`, ""), "confirmed")
		}
		p.answers(with(200, data, "Last-Modified: "+modified))
		checkCalls(t, s.refreshedIf(`W/"a"`, ""), "applied", "confirmed")
		p.answers(with(304, "", `ETag: "b"`))
		checkCalls(t, s.refreshedIf("", modified), "confirmed")
		p.answers(with(200, data, `ETag: "c"`, "Last-Modified: "+later))
		checkCalls(t, s.refreshedIf("", modified), "applied", "confirmed")
		p.answers(with(200, data))
		checkCalls(t, s.refreshedIf(`"c"`, later), "applied", "confirmed")
		checkCalls(t, s.refreshedIf("", ""), "applied", "confirmed")
		if got, want := s.stats(), (transport.Stats{Connects: 9, Fetches: 9}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// An answer that could not be stored does not count: the next one has to bring
// all data.
func TestConditionOfUnusableData(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(200, "junk", `ETag: "a"`))
		s := open(t, p, poll.Transport{})
		s.refused("interrupted")
		p.answers(with(200, `{"eventType":"patch"}`, `ETag: "b"`))
		stale()
		s.refused("interrupted")
		p.answers(with(200, data, `ETag: "c"`))
		checkCalls(t, s.refreshedIf("", ""), "applied", "confirmed")
		p.answers(with(200, "junk", `ETag: "d"`))
		stale()
		s.refused("interrupted")
		p.answers(with(304, ""))
		checkCalls(t, s.refreshedIf(`"c"`, ""), "confirmed")
	})
}

// What one route has said is no condition for the other.
func TestConditionOfOtherRoute(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, routes(map[string]answer{plural: with(200, data, `ETag: "a"`)}))
		s := open(t, p, poll.Transport{})
		s.refreshed()
		p.answers(routes(map[string]answer{singular: with(200, data, `ETag: "b"`)}))
		checkCalls(t, s.refreshedIf("", ""), "applied", "confirmed")
		p.answers(with(304, ""))
		checkCalls(t, s.refreshedIf(`"b"`, ""), "confirmed")
	})
}

// The mark is taken before the request: what is stored meanwhile can be newer.
func TestMark(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, nil)
		s := open(t, p, poll.Transport{})
		for _, url := range []string{plural, singular} {
			p.answers(routes(map[string]answer{url: func(r *http.Request) (*http.Response, error) {
				s.store.set(9)
				return with(200, data)(r)
			}}))
			s.store.set(8)
			if told := s.refreshed(); told[0].asked != 8 {
				t.Errorf("%s: applied with mark %d, want 8", url, told[0].asked)
			}
			stale()
		}
	})
}

// TestValidatorsAreDropped: a server that refuses a conditional request is asked
// for everything, and validators that are too long are not sent at all.
func TestValidatorsAreDropped(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(200, data, `ETag: "a"`))
		s := open(t, p, poll.Transport{})
		s.refreshedIf("", "")
		p.answers(with(431, ""))
		stale()
		s.refused("interrupted")
		s.checkConditions(`"a"`, "")
		p.answers(with(200, data, "ETag: "+strings.Repeat("x", 1<<10+1), "Last-Modified: "+strings.Repeat("x", 1<<10)))
		time.Sleep(time.Hour)
		s.refreshedIf("", "")
		s.refreshedIf("", strings.Repeat("x", 1<<10))
		p.answers(with(429, ""))
		stale()
		s.refused("interrupted")
		p.answers(with(200, data))
		time.Sleep(time.Hour)
		s.refreshedIf("", strings.Repeat("x", 1<<10)) // 429 says nothing about the request
	})
}

// TestRelayedAnswers: the response of a relay confirms the data as of the time that it
// names, also without a body.
func TestRelayedAnswers(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(200, data, `ETag: "a"`, "Age: 3600", "Ffc-As-Of: 1999-12-31T23:00:00.250Z"))
		s := open(t, p, poll.Transport{})
		checkCalls(t, s.refreshedIf("", ""), "applied", "confirmed as of 1999-12-31T23:00:00Z")
		p.answers(with(304, "", "Ffc-As-Of: 1999-12-31T23:00:10.000Z"))
		checkCalls(t, s.refreshedIf(`"a"`, ""), "confirmed as of 1999-12-31T23:00:10Z")
		p.answers(with(304, "", "Ffc-As-Of: yesterday"))
		checkCalls(t, s.refreshedIf(`"a"`, ""), "confirmed")
	})
}
