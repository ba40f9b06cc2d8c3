package poll_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	latestAll   = baseURL + "/api/public/sdk/server/latest-all"
	featBitFull = `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[]}}`
	changes     = `{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[],"segments":[]}}`
)

func openFeatBit(t *testing.T, a answer, settings poll.Transport) *session {
	t.Helper()
	p := newPlatform(t, a)
	p.name = "featbit"
	s := open(t, p, settings)
	s.store.has(0)
	return s
}

// TestFeatBitPolling: the first request asks for everything, others for what is
// newer than the store. An answer without a body is that nothing is.
func TestFeatBitPolling(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := openFeatBit(t, with(200, featBitFull), poll.Transport{Resync: -1, FullResync: -1})
		steps := []struct {
			name    string
			version int64
			answer  string
			url     string
			want    []string
		}{
			{"first", 0, featBitFull, latestAll, []string{"applied", "confirmed"}},
			{"still empty", 0, featBitFull, latestAll, []string{"applied", "confirmed"}},
			{"changes", 1767225600123, changes, latestAll + "?timestamp=1767225600123", []string{"applied", "confirmed"}},
			{"nothing new", 1767225600456, "", latestAll + "?timestamp=1767225600456", []string{"confirmed"}},
			{"everything although changes were asked for", 5, featBitFull, latestAll + "?timestamp=5", []string{"applied", "confirmed"}},
		}
		for _, step := range steps {
			s.store.has(step.version)
			s.p.answers(with(200, step.answer))
			checkCalls(t, s.refreshed(), step.want...)
			seen := s.p.requests()
			if len(seen) != 1 || seen[0].URL.String() != step.url || seen[0].Header.Get("Authorization") != secret || seen[0].Header.Get("envSecret") != "" {
				t.Errorf("%s: requests %v", step.name, seen)
			}
			stale()
		}
	})
}

// TestFeatBitUnusable: changes that were not asked for cannot be all data, and
// neither can nothing.
func TestFeatBitUnusable(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		for _, body := range []string{"", changes} {
			s := openFeatBit(t, with(200, body), poll.Transport{})
			if err := s.refused("interrupted"); err.Kind != transport.KindData {
				t.Errorf("%q: got %v", body, err)
			}
		}
	})
}

// TestFeatBitCache: what is at an address of one's own is all data, always.
func TestFeatBitCache(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := openFeatBit(t, with(200, featBitFull), poll.Transport{URL: "https://cache.test/snapshot.json"})
		s.store.has(1767225600123)
		told := s.refreshed()
		checkCalls(t, told, "applied", "confirmed")
		if seen := s.p.requests(); told[0].asked != 0 || seen[0].URL.String() != "https://cache.test/snapshot.json" || seen[0].Header.Get("Authorization") != "" {
			t.Errorf("asked %d, requests %v", told[0].asked, seen)
		}
	})
}

// TestFeatBitRefusal is final only for a secret that was never taken, also if
// nothing has been new since.
func TestFeatBitRefusal(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := openFeatBit(t, with(401, ""), poll.Transport{})
		if err := s.refused("off"); err.Kind != transport.KindRefused {
			t.Errorf("got %v", err)
		}
		s = openFeatBit(t, inTurn(with(200, ""), with(401, "")), poll.Transport{})
		s.store.has(1767225600123)
		checkCalls(t, s.refreshed(), "confirmed")
		stale()
		if err := s.refused("interrupted"); err.Kind != transport.KindRefused {
			t.Errorf("got %v", err)
		}
	})
}
