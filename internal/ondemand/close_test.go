package ondemand

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// closing calls Close in a goroutine of its own.
func (s *source) closing() <-chan outcome {
	return call(s.t.Context(), func(context.Context) error {
		s.Close()
		return nil
	})
}

// checkClosed checks that nothing is done any more.
func (s *source) checkClosed() {
	s.t.Helper()
	if err := s.checkAtOnce(true); err != errClosed {
		s.t.Errorf("Refresh: %v", err)
	}
	if o := <-call(s.t.Context(), s.Load); o.err != errClosed || o.took != 0 {
		s.t.Errorf("Load: %v after %v", o.err, o.took)
	}
	if told := s.failures(); len(told) > 0 {
		s.t.Errorf("told %v", told)
	}
}

// After Close even fresh data is not vouched for.
func TestClose(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.refreshed()
		for range 2 {
			if o := <-s.closing(); o.took != 0 {
				t.Errorf("Close took %v", o.took)
			}
			s.checkClosed()
		}
	})
}

// Close ends the fetch that is under way, and those who wait for it go on.
func TestCloseDuringFetch(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		calls := []<-chan outcome{s.refresh(), call(t.Context(), s.Load)}
		time.Sleep(100 * ms)
		if o := <-s.closing(); o.took != 0 {
			t.Errorf("Close took %v", o.took)
		}
		for _, done := range calls {
			if o := <-done; o.err != errClosed || o.took != 100*ms {
				t.Errorf("%v after %v", o.err, o.took)
			}
		}
		s.next()
		s.checkClosed()
	})
}

// Close waits for a fetch that does not hear of it. Its data is not stored.
func TestCloseWaits(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.deaf = true
		refreshed := s.refresh()
		a := s.next()
		synctest.Wait()
		closed := []<-chan outcome{s.closing(), s.closing()}
		synctest.Wait()
		s.checkClosed()
		time.Sleep(100 * ms)
		a.answer <- errNoRoute
		for _, done := range append(closed, refreshed) {
			if o := <-done; o.took != 100*ms {
				t.Errorf("returned after %v", o.took)
			}
		}
		s.checkClosed()
	})
}

// Data that comes after Close was called is not stored as fresh.
func TestCloseBeforeAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		s.deaf = true
		refreshed := s.refresh()
		a := s.next()
		closed := s.closing()
		synctest.Wait()
		a.answer <- nil
		<-closed
		if o := <-refreshed; o.err != errClosed {
			t.Errorf("Refresh: %v", o.err)
		}
		s.checkClosed()
	})
}

func TestCloseDuringPause(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		loaded := call(t.Context(), s.Load)
		s.next().answer <- &Failure{Err: errNoRoute, RetryAfter: time.Minute}
		time.Sleep(time.Second)
		<-s.closing()
		if o := <-loaded; o.err != errClosed || o.took != time.Second {
			t.Errorf("Load: %v after %v", o.err, o.took)
		}
	})
}

// Between calls there is no goroutine and no timer: the context of a fetch,
// which has one, has ended.
func TestNothingRunsBetweenCalls(t *testing.T) {
	s := newSource(t, nil)
	checkNothingRuns(t)
	for _, answer := range []error{nil, errNoRoute} {
		for _, f := range []func(context.Context) error{s.Load, s.Refresh} {
			ctx, cancel := context.WithCancel(t.Context())
			s.fresh.Store(nil)
			done := call(ctx, f)
			a := s.next()
			a.answer <- answer
			s.running.Wait()
			cancel()
			<-done
			s.Refresher.failed = failed{}
			if a.ctx.Err() == nil {
				t.Error("the context of a fetch goes on")
			}
			checkNothingRuns(t)
		}
	}
}

// checkNothingRuns checks that no goroutine of the package is left but tests.
func checkNothingRuns(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "ondemand.(*Refresher)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still running:\n%s", stacks)
		}
	}
}
