package ondemand

import (
	"testing"
	"time"
	"unsafe"
)

// These tests run on the real clock: that of a bubble has no monotonic part.

// told returns t as if, since then, the wall clock and the monotonic clock had
// gone these durations further than they have.
func told(t time.Time, wall, monotonic time.Duration) time.Time {
	clock := (*struct { // time.Time
		wall uint64
		ext  int64 // the monotonic clock
		loc  *time.Location
	})(unsafe.Pointer(&t))
	ext := clock.ext
	t = t.Add(-wall)
	clock.ext = ext - int64(monotonic)
	return t
}

func TestTold(t *testing.T) {
	t.Parallel()
	now := time.Now()
	then := told(now, time.Hour, time.Minute)
	if wall, mono := now.Round(0).Sub(then.Round(0)), now.Sub(then); wall != time.Hour || mono != time.Minute {
		t.Fatalf("%v by the wall clock, %v by the monotonic one", wall, mono)
	}
}

// clocks are ways in which an hour can seem to pass, or not.
var clocks = []struct {
	name            string
	wall, monotonic time.Duration // that have passed
	old             bool
}{
	{name: "an hour", wall: time.Hour, monotonic: time.Hour, old: true},
	{name: "an hour frozen", wall: time.Hour, old: true},
	{name: "set forward by an hour", wall: time.Hour, old: true}, // cannot be told from that
	{name: "set back by an hour", wall: -time.Hour},
	{name: "an hour, then set back by one", monotonic: time.Hour, old: true},
	{name: "an hour, then set back by two", wall: -time.Hour, monotonic: time.Hour, old: true},
}

// Data becomes stale, and is not fetched again and again, whatever happens to a
// clock.
func TestAgeOfData(t *testing.T) {
	t.Parallel()
	for _, tt := range clocks {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, nil)
			s.unprompted = true
			want := 1
			if tt.old {
				want = 2
			}
			for n := range 3 {
				if err := s.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					s.fresh.Store(new(told(*s.fresh.Load(), tt.wall, tt.monotonic)))
				}
			}
			if n := s.stores(); n != want {
				t.Errorf("fetched %d times, want %d", n, want)
			}
		})
	}
}

// A pause ends by either clock.
func TestAgeOfFailure(t *testing.T) {
	t.Parallel()
	for _, tt := range clocks {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, nil)
			done := s.refresh()
			s.next().answer <- &Failure{Err: errNoRoute, RetryAfter: time.Minute}
			<-done
			s.Refresher.failed.at = told(s.Refresher.failed.at, tt.wall, tt.monotonic)
			s.unprompted = true
			if err := s.Refresh(t.Context()); (err == nil) != tt.old {
				t.Errorf("Refresh: %v", err)
			}
		})
	}
}

// A fetch that was under way when the process was frozen for longer than its
// timeout is abandoned: no call waits for it, and there is no pause after it.
func TestFrozenDuringFetch(t *testing.T) {
	t.Parallel()
	s := newSource(t, func(c *Config) { c.Budget, c.Timeout = time.Millisecond, time.Hour })
	s.deaf = true
	<-s.refresh()
	old := s.next()
	s.mu.Lock()
	s.fetching.began = told(s.fetching.began, 2*time.Hour, 0)
	s.mu.Unlock()
	s.cfg.Budget = 10 * time.Second
	s.refreshed()
	if told := s.failures(); len(told) != 1 || told[0] != (failure{err: errTimeout}) {
		t.Errorf("told %v", told)
	}
	if old.ctx.Err() == nil {
		t.Error("its context goes on")
	}
	old.answer <- nil
	<-old.done
	if n := s.stores(); n != 1 || old.result != errAbandoned {
		t.Errorf("stored %d times; the old answer: %v", n, old.result)
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Errorf("Refresh: %v", err)
	}
}

// So is the pause after one that notices itself.
func TestFrozenThenTimedOut(t *testing.T) {
	t.Parallel()
	s := newSource(t, func(c *Config) { c.Budget = time.Millisecond })
	<-s.refresh()
	old := s.next()
	s.mu.Lock()
	s.fetching.began = told(s.fetching.began, time.Hour, 0)
	s.mu.Unlock()
	old.answer <- errNoRoute
	s.running.Wait()
	s.cfg.Budget = 10 * time.Second
	s.refreshed()
}
