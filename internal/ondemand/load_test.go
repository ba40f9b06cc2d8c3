package ondemand

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// Load fetches however fresh the data is.
func TestLoad(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		for n := range 3 {
			done := call(t.Context(), s.Load)
			a := s.next()
			time.Sleep(time.Second)
			a.answer <- nil
			if o := <-done; o.err != nil || o.took != time.Second {
				t.Errorf("Load: %v after %v", o.err, o.took)
			}
			if s.stores() != n+1 {
				t.Errorf("stored %d times, want %d", s.stores(), n+1)
			}
			s.checkAtOnce(false)
		}
	})
}

// Load tries until it has data, with the pauses of Refresh.
func TestLoadTriesAgain(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		done := call(t.Context(), s.Load)
		failedAt := time.Time{}
		for n := range 5 {
			a := s.next()
			if longest := time.Second << n / 2; n > 0 && (a.at.Sub(failedAt) < longest/2 || a.at.Sub(failedAt) > longest) {
				t.Errorf("tried again after %v, want %v or up to a half less", a.at.Sub(failedAt), longest)
			}
			a.answer <- errNoRoute
			failedAt = time.Now()
		}
		s.next().answer <- nil
		if o := <-done; o.err != nil {
			t.Errorf("Load: %v", o.err)
		}
		s.checkAtOnce(false)
	})
}

// Load and Refresh wait for the same fetch.
func TestLoadAndRefresh(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		calls := []<-chan outcome{call(t.Context(), s.Load), s.refresh(), call(t.Context(), s.Load)}
		synctest.Wait()
		s.next().answer <- nil
		for _, done := range calls {
			if o := <-done; o.err != nil {
				t.Error(o.err)
			}
		}
		if n := len(s.asks); n > 0 {
			t.Errorf("%d more fetches", n)
		}
	})
}

// Load returns when its context ends: during a fetch, which goes on, or in a
// pause, with the reason for it.
func TestLoadContext(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, enough)
		defer cancel()
		if o := <-call(ctx, s.Load); o.err != enough || o.took != 3*time.Second {
			t.Errorf("Load: %v after %v", o.err, o.took)
		}
		s.next().answer <- nil
		synctest.Wait()
		s.checkAtOnce(false)

		ctx, cancel = context.WithTimeout(t.Context(), 300*ms)
		defer cancel()
		done := call(ctx, s.Load)
		s.next().answer <- errNoRoute
		if o := <-done; o.err != errNoRoute || o.took != 300*ms {
			t.Errorf("Load: %v after %v", o.err, o.took)
		}
	})
}

func TestLoadFinal(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newSource(t, nil)
		done := call(t.Context(), s.Load)
		s.next().answer <- &Failure{Err: errNoRoute, RetryAfter: time.Second, Final: true}
		if o := <-done; !errors.Is(o.err, errNoRoute) || o.took != 0 {
			t.Errorf("Load: %v after %v", o.err, o.took)
		}
	})
}
