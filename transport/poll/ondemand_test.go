package poll_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// An answer that comes after Budget is stored, with the mark from before its
// request, and serves the next unit of work.
func TestLateAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		late, release := held(with(200, data))
		p := newPlatform(t, late)
		s := open(t, p, poll.Transport{})
		if o := <-s.refresh(); o.err == nil || o.took != 500*ms {
			t.Errorf("Refresh: %v after %v", o.err, o.took)
		}
		s.checkAsked(plural)
		for range 5 {
			time.Sleep(time.Second)
			s.checkNotTried()
		}
		s.store.set(8) // something newer came another way
		release()
		synctest.Wait()
		told := s.store.told()
		checkCalls(t, told, "applied", "confirmed")
		if told[0].asked != 7 {
			t.Errorf("applied with mark %d, want 7", told[0].asked)
		}
		checkCalls(t, s.refreshed())
		s.checkAsked()
		if got, want := s.stats(), (transport.Stats{Connects: 1, Fetches: 1, FetchTime: 5500 * time.Millisecond}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// An answer that comes after Timeout is not stored: neither the data nor what
// makes requests conditional.
func TestTooLateAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		late, release := held(with(200, data, `ETag: "old"`))
		p := newPlatform(t, late)
		s := open(t, p, poll.Transport{})
		<-s.refresh()
		p.answers(with(200, data, `ETag: "new"`))
		stale() // also wakes a process that was frozen
		checkCalls(t, s.refreshed(), "interrupted", "applied", "confirmed")
		release()
		synctest.Wait()
		checkCalls(t, s.store.told())
		p.answers(with(304, ""))
		checkCalls(t, s.refreshedIf(`"new"`, ""), "confirmed")
	})
}

func TestOneRequestForAll(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, func(r *http.Request) (*http.Response, error) {
			time.Sleep(100 * ms)
			return with(200, data)(r)
		})
		s := open(t, p, poll.Transport{})
		var calls []<-chan outcome
		for range 1000 {
			calls = append(calls, s.refresh())
		}
		for _, done := range calls {
			if o := <-done; o.err != nil || o.took != 100*ms {
				t.Fatalf("Refresh: %v after %v", o.err, o.took)
			}
		}
		s.checkAsked(plural)
		checkCalls(t, s.store.told(), "applied", "confirmed")
	})
}

// A dead platform costs units of work at most Budget for each time it is tried,
// and nothing in between; the store hears of each time once.
func TestDeadPlatform(t *testing.T) {
	for name, a := range map[string]answer{"silent": hanging, "unreachable": failing(errors.New("no route")), "ill": with(500, "")} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := open(t, newPlatform(t, a), poll.Transport{})
				var waited time.Duration
				var windows int
				for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(100 * ms) {
					o := <-s.refresh()
					if o.err == nil || o.took > 500*ms {
						t.Fatalf("Refresh: %v after %v", o.err, o.took)
					}
					waited += o.took
					if len(s.p.requests()) > 0 {
						windows++
					}
				}
				if most := time.Duration(windows) * 500 * ms; waited > most || windows > 30 {
					t.Errorf("waited for %v in all, in %d windows", waited, windows)
				}
				if told := s.store.told(); len(told) != windows && len(told) != windows-1 {
					t.Errorf("told %d times, in %d windows", len(told), windows)
				}
			})
		})
	}
}

// Refresh keeps to the caller's deadline.
func TestCallersDeadline(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := open(t, newPlatform(t, hanging), poll.Transport{Budget: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		if err := s.refresher.Refresh(ctx); err == nil || time.Since(began) != 500*ms {
			t.Errorf("Refresh: %v after %v", err, time.Since(began))
		}
	})
}

// Load waits for as long as its context allows, through failures.
func TestLoad(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := open(t, newPlatform(t, inTurn(with(503, "", "Retry-After: 5"), with(200, data))), poll.Transport{})
		began := time.Now()
		if err := s.refresher.Load(t.Context()); err != nil || time.Since(began) < 5*time.Second || time.Since(began) > 6250*ms {
			t.Errorf("Load: %v after %v", err, time.Since(began))
		}
		checkCalls(t, s.store.told(), "interrupted", "applied", "confirmed")
	})
}

// Close ends a request and those who wait for it. The store hears nothing.
func TestCloseDuringRefresh(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := open(t, newPlatform(t, hanging), poll.Transport{})
		done := s.refresh()
		time.Sleep(100 * ms)
		s.refresher.Close()
		if o := <-done; o.err == nil || o.took != 100*ms {
			t.Errorf("Refresh: %v after %v", o.err, o.took)
		}
		s.p.answers(with(200, data))
		s.p.requests()
		stale()
		s.checkNotTried()
		if err := s.refresher.Load(t.Context()); err == nil {
			t.Error("Load: no error")
		}
		checkCalls(t, s.store.told())
	})
}
