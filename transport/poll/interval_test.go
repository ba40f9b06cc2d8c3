package poll_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// run runs a session in the background. The function that is returned ends it
// and returns how long that took.
func (s *session) run() (stop func() time.Duration, done <-chan struct{}) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.runner.Run(ctx)
	}()
	return func() time.Duration {
		began := time.Now()
		cancel()
		<-ended
		return time.Since(began)
	}, ended
}

// gaps returns the times between requests since the last call of requests.
func (p *platform) gaps() (gaps []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range len(p.at) - 1 {
		gaps = append(gaps, p.at[i+1].Sub(p.at[i]))
	}
	return gaps
}

// Interval counts from the end of one request to the beginning of the next,
// less up to a tenth.
func TestInterval(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		const takes = 3 * time.Second
		p := newPlatform(t, func(r *http.Request) (*http.Response, error) {
			time.Sleep(takes)
			return with(200, data, `ETag: "a"`)(r)
		})
		s := open(t, p, poll.Transport{Interval: time.Minute, MaxAge: time.Hour})
		stop, _ := s.run()
		time.Sleep(time.Hour)
		if took := stop(); took > takes { // of a request that does not hear of it
			t.Errorf("Run ended after %v", took)
		}
		different := make(map[string]bool)
		for _, gap := range p.gaps() {
			if gap -= takes; gap < 54*time.Second || gap > time.Minute {
				t.Errorf("%v after a request", gap)
			}
			different[fmt.Sprint(gap.Round(100*ms))] = true
		}
		requests := p.requests()
		if n := len(requests); n < 57 || n > 63 || len(different) < n/4 {
			t.Errorf("%d requests, %d different pauses", n, len(different))
		}
		for i, r := range requests {
			if got := r.Header.Get("If-None-Match") != ""; got != (i > 0) {
				t.Errorf("request %d is conditional: %v", i, got)
			}
		}
		stale()
		s.checkAsked()
	})
}

// After a failure the pauses are those of a failure, until it works again.
func TestIntervalFailures(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(403, ""))
		s := open(t, p, poll.Transport{Interval: 10 * time.Second})
		began := time.Now()
		stop, _ := s.run()
		time.Sleep(30 * time.Second)
		s.checkAsked(plural)
		checkCalls(t, s.store.told(), "interrupted")
		p.answers(with(200, data))
		told := s.store.told()
		for len(told) == 0 && time.Since(began) < time.Hour {
			time.Sleep(100 * ms)
			told = s.store.told()
		}
		checkCalls(t, told, "applied", "confirmed")
		if pause := time.Since(began); pause < time.Minute || pause > 75*time.Second+100*ms {
			t.Errorf("tried again after %v", pause)
		}
		s.checkAsked(plural)
		time.Sleep(10 * time.Second)
		s.checkAsked(plural)
		p.answers(with(503, "", "Retry-After: 25"))
		time.Sleep(42 * time.Second)
		if n := len(p.requests()); n != 2 {
			t.Errorf("%d requests", n)
		}
		if took := stop(); took != 0 {
			t.Errorf("Run ended after %v", took)
		}
	})
}

// A refusal ends it.
func TestIntervalRefused(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(401, ""))
		s := open(t, p, poll.Transport{Interval: time.Second})
		_, done := s.run()
		<-done
		checkCalls(t, s.store.told(), "off")
		if got, want := s.stats(), (transport.Stats{Connects: 1, Failures: 1, Fetches: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// Run ends when it is told to, whatever it does, and says nothing more.
func TestIntervalEnds(t *testing.T) {
	for name, a := range map[string]answer{"in a request": hanging, "in a pause": with(200, data), "in a pause after a failure": with(403, "")} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, a)
				s := open(t, p, poll.Transport{Interval: time.Hour})
				stop, _ := s.run()
				time.Sleep(time.Second)
				synctest.Wait()
				s.store.told()
				if took := stop(); took != 0 {
					t.Errorf("Run ended after %v", took)
				}
				p.requests()
				stale()
				s.checkAsked()
				checkCalls(t, s.store.told())
			})
		})
	}
}

// Polling that failed is followed at once when the platform is back, however
// often it was away before.
func TestIntervalFollowsRestarts(t *testing.T) {
	for name, down := range map[string]answer{"refused": failing(errors.New("connection refused")), "503": with(503, ""), "hangs": hanging} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, with(200, data))
				s := open(t, p, poll.Transport{Interval: time.Second})
				stop, _ := s.run()
				defer stop()
				// follows takes the platform away and returns how long after its
				// return there was data.
				follows := func(away time.Duration) time.Duration {
					time.Sleep(15*time.Second - away)
					p.answers(down)
					time.Sleep(away)
					s.store.told()
					p.answers(with(200, data))
					back := time.Now()
					for {
						time.Sleep(10 * ms)
						for _, c := range s.store.told() {
							if c.what == "applied" {
								return time.Since(back)
							}
						}
					}
				}
				if name != "hangs" { // an attempt that hangs lasts longer than a restart
					for n := range 10 {
						if after := follows(time.Duration(1+n%4) * time.Second); after > 5*time.Second {
							t.Errorf("restart %d: data %v after the platform was back: expected at most 5s", n, after)
						}
					}
				}
				for range 10 {
					if after := follows(5 * time.Minute); after > 15*time.Second {
						t.Errorf("data %v after an outage of 5 min: expected at most 15s", after)
					}
				}
			})
		})
	}
}
