package ondemand

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// Data younger than MaxAge, less a tenth, is not fetched. Its age counts from
// when it was asked for.
func TestMaxAge(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		for range 3 {
			began := time.Now()
			done := s.refresh()
			a := s.next()
			time.Sleep(400 * time.Millisecond)
			a.answer <- nil
			if o := <-done; o.err != nil || o.took != 400*time.Millisecond {
				t.Errorf("Refresh: %v after %v", o.err, o.took)
			}
			for _, age := range []time.Duration{time.Second, 15 * time.Second, 27*time.Second - 1} {
				time.Sleep(age - time.Since(began))
				s.checkAtOnce(false)
			}
			time.Sleep(30*time.Second - time.Since(began))
		}
	})
}

// Processes that start together do not go on asking together.
func TestMaxAgeJitter(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		different := make(map[time.Duration]bool)
		for range 50 {
			s := newSource(t, nil)
			s.refreshed()
			low, high := 27*time.Second-1, 30*time.Second
			if s.maxAge <= low || s.maxAge > high {
				t.Fatalf("data is fetched after %v", s.maxAge)
			}
			different[s.maxAge] = true
		}
		if len(different) < 40 {
			t.Errorf("50 processes have %d ages", len(different))
		}
	})
}

func TestOneFetchForAll(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		var calls []<-chan outcome
		for range 1000 {
			calls = append(calls, s.refresh())
		}
		synctest.Wait()
		a := s.next()
		time.Sleep(100 * time.Millisecond)
		a.answer <- nil
		for _, done := range calls {
			if o := <-done; o.err != nil || o.took != 100*time.Millisecond {
				t.Fatalf("Refresh: %v after %v", o.err, o.took)
			}
		}
		if n := len(s.asks); n > 0 || s.stores() != 1 {
			t.Errorf("%d more fetches, %d stored", n, s.stores())
		}
	})
}

// Who has found the data old when the fetch for it was about to end needs no
// other.
func TestFreshMeanwhile(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.refreshed()
		if o := <-call(t.Context(), s.Refresher.refresh); o.err != nil || o.took != 0 || len(s.asks) > 0 {
			t.Errorf("%v after %v, %d fetches", o.err, o.took, len(s.asks))
		}
	})
}

// All who wait for a fetch that fails hear why.
func TestOneFailureForAll(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		var calls []<-chan outcome
		for range 1000 {
			calls = append(calls, s.refresh())
		}
		cause := errors.New("no route")
		s.next().answer <- cause
		for _, done := range calls {
			if o := <-done; !errors.Is(o.err, cause) {
				t.Fatalf("Refresh: %v", o.err)
			}
		}
		if told := s.failures(); len(told) != 1 || told[0] != (failure{err: cause}) {
			t.Errorf("told %v", told)
		}
		s.checkAtOnce(true)
	})
}

// The client knows of a failure before those who wait for the fetch do.
func TestFailureIsToldFirst(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, func(c *Config) { c.Budget = time.Minute })
		s.onFailed = func() { time.Sleep(time.Second) }
		done := s.refresh()
		s.next().answer <- errors.New("no route")
		if o := <-done; o.err == nil || o.took != time.Second {
			t.Errorf("Refresh: %v after %v", o.err, o.took)
		}
	})
}

// Data that cannot be stored makes the fetch fail.
func TestStoreFails(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		unusable := errors.New("unusable")
		s.storing = func() (bool, error) { return true, unusable }
		done := s.refresh()
		s.next().answer <- nil
		if o := <-done; o.err != unusable {
			t.Errorf("Refresh: %v", o.err)
		}
		if told := s.failures(); len(told) != 1 || told[0].err != unusable {
			t.Errorf("told %v", told)
		}
		s.checkAtOnce(true)
	})
}

// Calls that wait return when all is stored, whatever else the fetch does. Until
// then no other fetch starts.
func TestStoredIsDone(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, func(c *Config) { c.Budget = time.Minute })
		s.lingers = time.Second
		for _, tt := range []struct {
			done bool
			want time.Duration
		}{{true, 0}, {false, time.Second}} {
			s.storing = func() (bool, error) { return tt.done, nil }
			done := s.refresh()
			s.next().answer <- nil
			if o := <-done; o.err != nil || o.took != tt.want {
				t.Errorf("all stored: %v: Refresh: %v after %v", tt.done, o.err, o.took)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestRefreshWhileAFailureIsTold: on a thaw the fetch from before the freeze may
// be failing. Who comes then gets a fetch of their own, not what is left of the
// budget of another.
func TestRefreshWhileAFailureIsTold(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		telling, tell := make(chan struct{}), make(chan struct{})
		s := newSource(t, func(cfg *Config) { cfg.Retry = &retry.Backoff{} })
		s.onFailed = sync.OnceFunc(func() {
			close(telling)
			<-tell
		})
		late := s.refresh()
		lost := s.next()
		if o := <-late; o.err == nil {
			t.Fatal("no answer, and no error")
		}
		lost.answer <- errors.New("reset")
		<-telling
		done := s.refresh()
		synctest.Wait()
		close(tell)
		s.next().answer <- nil
		if o := <-done; o.err != nil {
			t.Errorf("Refresh: %v", o.err)
		}
	})
}

// TestWaitForAReportEndsWithContext: a call whose context ends while the failure of a
// fetch is being reported returns at once.
func TestWaitForAReportEndsWithContext(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.onFailed = func() { time.Sleep(time.Hour) }
		first := s.refresh()
		s.next().answer <- errNoRoute
		time.Sleep(time.Second)
		for name, f := range map[string]func(context.Context) error{"Refresh": s.Refresh, "Load": s.Load} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if o := <-call(ctx, f); o.err != context.DeadlineExceeded || o.took != time.Second {
				t.Errorf("%s: %v after %v", name, o.err, o.took)
			}
			cancel()
		}
		<-first
	})
}

// TestFrozenAfterStoringAPart: a fetch that has stored one of several messages can be
// abandoned like any other.
func TestFrozenAfterStoringAPart(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.storing = func() (done bool, err error) { return s.stores() > 1, nil }
		s.lingers = time.Minute
		late := s.refresh()
		s.next().answer <- nil
		if o := <-late; o.err != errLate {
			t.Fatalf("Refresh: %v", o.err)
		}
		time.Sleep(s.cfg.Timeout + time.Second)
		s.refreshed()
	})
}

// TestFetches: every fetch counts with its time, also one that fails or is abandoned.
// Calls that start none do not count.
func TestFetches(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.deaf = true
		check := func(fetches uint64, took time.Duration) {
			t.Helper()
			if n, d := s.Fetches(); n != fetches || d != took {
				t.Errorf("%d fetches in %v, want %d in %v", n, d, fetches, took)
			}
		}
		check(0, 0)
		loaded := call(t.Context(), s.Load)
		time.Sleep(300 * ms)
		s.next().answer <- nil
		<-loaded
		check(1, 300*ms)
		s.checkAtOnce(false)
		time.Sleep(time.Minute)
		failed := s.refresh()
		time.Sleep(200 * ms)
		check(1, 300*ms) // it has not ended
		s.next().answer <- errNoRoute
		<-failed
		s.checkAtOnce(true)
		check(2, 500*ms)
		time.Sleep(time.Minute)
		<-s.refresh()
		late := s.next()
		time.Sleep(10 * time.Second)
		s.checkAtOnce(true) // gives up the fetch
		check(3, 10*time.Second+500*ms)
		late.answer <- nil
		<-late.done
		check(3, 10*time.Second+500*ms)
	})
}
