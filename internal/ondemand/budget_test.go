package ondemand

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

const ms = time.Millisecond

// How long Refresh waits for a platform that does not answer.
func TestBudget(t *testing.T) {
	tests := []struct {
		name     string
		budget   time.Duration
		deadline time.Duration // of the caller; 0: no deadline
		cancel   time.Duration // by the caller; 0 is never
		want     time.Duration
		err      error
	}{
		{name: "alone", budget: 500 * ms, want: 500 * ms, err: errLate},
		{name: "deadline is far", budget: 500 * ms, deadline: time.Minute, want: 500 * ms, err: errLate},
		{name: "a quarter of the deadline", budget: 500 * ms, deadline: 400 * ms, want: 100 * ms, err: errLate},
		{name: "a large budget and a deadline", budget: time.Minute, deadline: 6 * time.Second, want: 1500 * ms, err: errLate},
		{name: "no time", budget: 500 * ms, deadline: 1, want: 0, err: errLate},
		{name: "deadline is over", budget: 500 * ms, deadline: -1, want: 0, err: context.DeadlineExceeded},
		{name: "cancelled", budget: 500 * ms, cancel: 70 * ms, want: 70 * ms, err: context.Canceled},
		{name: "a budget beyond the timeout", budget: time.Minute, want: 10 * time.Second, err: context.DeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := newSource(t, func(c *Config) { c.Budget = tt.budget })
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.deadline != 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				if tt.cancel > 0 {
					defer time.AfterFunc(tt.cancel, cancel).Stop()
				}
				if o := <-call(ctx, s.Refresh); o.took != tt.want || !errors.Is(o.err, tt.err) {
					t.Errorf("%v after %v, want %v after %v", o.err, o.took, tt.err, tt.want)
				}
			})
		})
	}
}

// However many wait for a fetch, they wait for Budget together.
func TestBudgetIsShared(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		first := s.refresh()
		time.Sleep(300 * ms)
		second := s.refresh()
		for _, done := range []<-chan outcome{first, second} {
			<-done
		}
		time.Sleep(ms)
		s.next()
		s.checkAtOnce(true)
		time.Sleep(9 * time.Second)
		s.checkAtOnce(true)
	})
}

// Who comes second waits for what is left of Budget.
func TestBudgetLeft(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.refresh()
		time.Sleep(300 * ms)
		if o := <-s.refresh(); o.err != errLate || o.took != 200*ms {
			t.Errorf("%v after %v", o.err, o.took)
		}
	})
}

// A caller that has little time itself does not end the fetch for others.
func TestBudgetOfOthers(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		hasty, cancel := context.WithTimeout(t.Context(), 40*ms)
		defer cancel()
		if o := <-call(hasty, s.Refresh); o.err != errLate || o.took != 10*ms {
			t.Errorf("the hasty one: %v after %v", o.err, o.took)
		}
		done := s.refresh()
		time.Sleep(100 * ms)
		s.next().answer <- nil
		if o := <-done; o.err != nil || o.took != 100*ms {
			t.Errorf("the other: %v after %v", o.err, o.took)
		}
	})
}

// Budget does not count while the first data is loaded: who refreshes then has
// all of it.
func TestBudgetAfterLoad(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		loaded := call(t.Context(), s.Load)
		time.Sleep(2 * time.Second)
		if o := <-s.refresh(); o.err != errLate || o.took != 500*ms {
			t.Errorf("Refresh: %v after %v", o.err, o.took)
		}
		s.next().answer <- nil
		if o := <-loaded; o.err != nil {
			t.Errorf("Load: %v", o.err)
		}
	})
}

// An answer that comes after Budget is used, and is as old as its request. Until
// then no call waits, and no other request is sent.
func TestLateAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		began := time.Now()
		<-s.refresh()
		a := s.next()
		for range 8 {
			time.Sleep(time.Second)
			s.checkAtOnce(true)
		}
		a.answer <- nil
		synctest.Wait()
		if s.stores() != 1 || len(s.failures()) > 0 {
			t.Errorf("stored %d times, told %v", s.stores(), s.failures())
		}
		time.Sleep(27*time.Second - 1 - time.Since(began))
		s.checkAtOnce(false)
		time.Sleep(30*time.Second - time.Since(began))
		s.refreshed()
	})
}

// An answer that comes after Timeout, from something that does not hear of it,
// is not stored: there may be newer data.
func TestTooLateAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.deaf = true
		<-s.refresh()
		old := s.next()
		time.Sleep(10 * time.Second)
		s.checkGivenUp(old)
		time.Sleep(time.Second)
		s.refreshed()
		old.answer <- nil
		<-old.done
		if old.result == nil || s.stores() != 1 {
			t.Errorf("the late answer: %v, stored %d times", old.result, s.stores())
		}
		// Nor does how it ended count.
		s.checkAtOnce(false)
		if told := s.failures(); len(told) != 1 {
			t.Errorf("told %v", told)
		}
	})
}

// checkGivenUp checks that a call gives a fetch up.
func (s *source) checkGivenUp(a *ask) {
	s.t.Helper()
	s.checkAtOnce(true)
	told := s.failures()
	if len(told) != 1 || told[0] != (failure{err: errTimeout}) {
		s.t.Errorf("told %v", told)
	}
	if a.ctx.Err() == nil {
		s.t.Error("its context goes on")
	}
}

// A fetch is not given up while it stores what it got.
func TestNotGivenUpWhileStoring(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.storing = func() (bool, error) {
			time.Sleep(time.Minute)
			return true, nil
		}
		done := s.refresh()
		s.next().answer <- nil
		<-done
		time.Sleep(30 * time.Second)
		s.checkAtOnce(true)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if told := s.failures(); len(told) > 0 || s.stores() != 1 {
			t.Errorf("told %v, stored %d times", told, s.stores())
		}
	})
}
