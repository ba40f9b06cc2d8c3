package ondemand

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

var errNoRoute = errors.New("no route")

// resumes returns how long after a failure the next fetch begins, with many
// units of work in that time. What they cost is checked: nothing.
func (s *source) resumes(failedAt time.Time) (*ask, time.Duration) {
	s.t.Helper()
	for {
		done := s.refresh()
		select {
		case o := <-done:
			if o.err == nil || o.took != 0 {
				s.t.Fatalf("Refresh: %v after %v, want an error at once", o.err, o.took)
			}
		case a := <-s.asks:
			return a, a.at.Sub(failedAt)
		}
		time.Sleep(10 * ms)
	}
}

// After a failure nothing is tried for a while, which doubles with each
// further one, less a part that is random. Success ends it.
func TestPause(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		for range 2 {
			different := make(map[string]bool)
			failedAt := s.fails(errNoRoute)
			for _, longest := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
				longest *= time.Second
				a, pause := s.resumes(failedAt)
				if pause < longest/2 || pause > longest+10*ms {
					t.Errorf("tried again after %v, want %v or up to a half less", pause, longest)
				}
				different[fmt.Sprintf("%.2f", float64(pause)/float64(longest))] = true
				a.answer <- errNoRoute
				<-a.done
				failedAt = time.Now()
			}
			if len(different) < 4 {
				t.Error("the pauses are not random")
			}
			a, _ := s.resumes(failedAt)
			a.answer <- nil
			<-a.done
			time.Sleep(30 * time.Second)
		}
	})
}

// In the meantime Refresh says why.
func TestPauseSaysWhy(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.fails(errNoRoute)
		if err := s.checkAtOnce(true); !errors.Is(err, errNoRoute) || err.Error() != "trying again later, after: no route" {
			t.Errorf("Refresh: %v", err)
		}
	})
}

// What the platform asks for comes first, also if that is longer than MaxRetry.
func TestRetryAfter(t *testing.T) {
	for _, after := range []time.Duration{0, 5 * time.Second, 10 * time.Minute} {
		t.Run(after.String(), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := newSource(t, nil)
				failedAt := s.fails(fmt.Errorf("wrapped: %w", &Failure{Err: errNoRoute, RetryAfter: after}))
				low, high := after, after+10*ms
				if after == 0 {
					low, high = 500*ms, time.Second+10*ms
				}
				if _, pause := s.resumes(failedAt); pause < low || pause > high {
					t.Errorf("tried again after %v", pause)
				}
			})
		})
	}
}

// A dead platform costs units of work no more than Budget for each time it is
// tried, and nothing in between.
func TestDeadPlatform(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		var waited time.Duration
		var tries []time.Time
		for began := time.Now(); time.Since(began) < 20*time.Minute; time.Sleep(100 * ms) {
			o := <-s.refresh()
			if o.err == nil {
				t.Fatal("Refresh: no error")
			}
			waited += o.took
			if len(s.asks) > 0 {
				tries = append(tries, s.next().at)
			}
		}
		if most := time.Duration(len(tries)) * 500 * ms; waited > most {
			t.Errorf("waited for %v in all, want at most %v for %d tries", waited, most, len(tries))
		}
		if len(tries) < 20 || len(tries) > 40 {
			t.Errorf("tried %d times", len(tries))
		}
		for i := 8; i < len(tries); i++ { // 10 s of trying, then 30 to 60 of nothing
			if gap := tries[i].Sub(tries[i-1]); gap < 40*time.Second || gap > 71*time.Second {
				t.Errorf("tried after %v", gap)
			}
		}
	})
}

// After a final failure nothing is tried any more.
func TestFinal(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		final := &Failure{Err: errNoRoute, Final: true}
		s.fails(final)
		for range 3 {
			time.Sleep(24 * time.Hour)
			if err := s.checkAtOnce(true); !errors.Is(err, errNoRoute) {
				t.Errorf("Refresh: %v", err)
			}
			if o := <-call(t.Context(), s.Load); !errors.Is(o.err, errNoRoute) || o.took != 0 {
				t.Errorf("Load: %v after %v", o.err, o.took)
			}
		}
		if told := s.failures(); len(told) != 1 || told[0] != (failure{final, true}) {
			t.Errorf("told %v", told)
		}
	})
}
