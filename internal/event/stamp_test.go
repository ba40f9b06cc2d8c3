package event

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// TestTimeOfEvents: the time of events is right although the wall clock is read
// now and then only, and follows when it is set.
func TestTimeOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStamper()
		wrong := func() time.Duration {
			return time.Duration(s.now().unixMilli-time.Now().UnixMilli()) * time.Millisecond
		}
		for range 100 {
			time.Sleep(1234 * time.Microsecond)
			if d := wrong(); d != 0 {
				t.Errorf("%v wrong", d)
			}
		}
		s.offset.Add(int64(time.Hour)) // the clock was set
		if d := wrong(); d != time.Hour {
			t.Fatalf("%v wrong, expected the clocks not to have been compared again", d)
		}
		time.Sleep(10 * time.Millisecond)
		if d := wrong(); d != 0 {
			t.Errorf("%v wrong after the clock was set", d)
		}
	})
}

// TestTimeOfEventsAfterFreeze: if the monotonic clock did not count a freeze, a unit of work begins with the right time.
func TestTimeOfEventsAfterFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inMemory(flush.Config{}, &testPlatform{})
		s := p.queue.stamps
		s.coarse = false // time does not advance in a bubble
		before := s.now()
		s.offset.Add(-int64(time.Hour)) // the wall clock went on
		p.ReadClock()
		now := s.now()
		if want := time.Now().UnixMilli(); now.unixMilli != want {
			t.Errorf("%d ms wrong", now.unixMilli-want)
		}
		if now.at != before.at {
			t.Errorf("the order of events has changed: %d, and %d before", now.at, before.at)
		}
	})
}

// TestTimeOfEventsAfterRestore: a machine that is restored elsewhere may have
// less uptime than before.
func TestTimeOfEventsAfterRestore(t *testing.T) {
	t.Parallel()
	s := newStamper()
	s.now()
	s.start = s.start.Add(time.Hour)
	before := time.Now().UnixMilli()
	now := s.now().unixMilli
	if after := time.Now().UnixMilli(); now < before || now > after {
		t.Errorf("%d ms wrong", now-before)
	}
}

// TestOrderOfEvents: the wall clock has no part in it.
func TestOrderOfEvents(t *testing.T) {
	t.Parallel()
	if s := newStamper(); s.start == s.start.Round(0) {
		t.Error("the time that stamps count from has no monotonic part")
	}
}

func TestNumberedStamps(t *testing.T) {
	t.Parallel()
	s := newStamper()
	s.coarse = true
	first, second := s.now(), s.now()
	if first.at != 1 || second.at != 2 || s.limit() != 2 {
		t.Errorf("stamps are numbered %d and %d, up to %d", first.at, second.at, s.limit())
	}
}
