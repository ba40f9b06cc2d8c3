package poll_test

import (
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// An answer that was held back is not confirmed, and the next one comes whole,
// to be compared with it: a 304 would say nothing.
func TestHeldAnswerIsAskedForAgain(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := open(t, newPlatform(t, with(200, data, `ETag: "old"`)), poll.Transport{})
		s.store.holds(1)
		for range 2 {
			checkCalls(t, s.refreshedIf("", ""), "applied")
			stale()
		}
		s.store.holds(0)
		checkCalls(t, s.refreshedIf("", ""), "applied", "confirmed")
		stale()
		s.p.answers(with(304, ""))
		checkCalls(t, s.refreshedIf(`"old"`, ""), "confirmed")
	})
}

// The time of the last complete answer is the platform's: a version from the
// future does not make a cursor of it.
func TestCursorIsNotAheadOfThePlatform(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := openFeatBit(t, with(200, featBitFull, "Date: Sat, 01 Jan 2000 00:00:07 GMT"), poll.Transport{FullResync: -1, MaxAge: 1, Resync: -1})
		s.refreshed()
		s.store.has(9_000_000_000_000)
		s.p.requests()
		s.p.answers(with(200, "", "Date: Sat, 01 Jan 2000 00:00:09 GMT"))
		for _, want := range []string{"946684807000", "946684809000"} {
			time.Sleep(time.Second)
			s.refreshed()
			if got := s.p.requests()[0].URL.RawQuery; !strings.HasSuffix(got, want) {
				t.Errorf("asked %q, want %s", got, want)
			}
		}
	})
}
