package stream_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// downs are ways in which a platform that is down fails an attempt.
var downs = []struct {
	name string
	fail func(c *peer)
}{
	{"cut", func(c *peer) { c.cut() }},
	{"502", func(c *peer) { c.refuse("502 Bad Gateway") }},
	{"hangs", func(c *peer) {}},
}

// returns fails attempts until the platform is back, and returns the connection
// that then synced, and how long after that.
func (s *session) returns(back time.Time, fail func(c *peer)) (c *peer, after time.Duration) {
	s.t.Helper()
	for {
		c = s.p.accept()
		if !c.at.Before(back) {
			break
		}
		fail(c)
	}
	c.upgrade()
	c.expect(opText, syncRequest)
	c.send(full)
	s.store.await("confirmed")
	return c, time.Since(back)
}

// A platform that restarts again and again is followed at once each time: the
// pauses of one outage are not those of the next.
func TestRestartsInARow(t *testing.T) {
	for _, down := range downs[:2] { // an attempt that hangs lasts longer than a restart
		for downtime := time.Second; downtime <= 4*time.Second; downtime += time.Second / 2 {
			t.Run(fmt.Sprint(down.name, " for ", downtime), func(t *testing.T) {
				testkit.Bubble(t, func(t *testing.T) {
					s := start(t, inMemory(t), stream.Transport{})
					c := s.ready()
					restart := time.Now()
					for n := range 10 {
						restart = restart.Add(15 * time.Second)
						c.answerPings(time.Until(restart))
						c.cut()
						var after time.Duration
						if c, after = s.returns(restart.Add(downtime), down.fail); after > 5*time.Second {
							t.Errorf("restart %d: synced %v after the platform was back: expected at most 5s", n, after)
						}
					}
				})
			})
		}
	}
}

func TestLongOutage(t *testing.T) {
	for _, down := range downs {
		t.Run(down.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := start(t, inMemory(t), stream.Transport{})
				for range 20 {
					c := s.ready()
					c.cut()
					length := 5*time.Minute + time.Duration(rand.Float64()*float64(10*time.Second))
					c, after := s.returns(time.Now().Add(length), down.fail)
					if after > 15*time.Second {
						t.Errorf("synced %v after the platform was back: expected at most 15s", after)
					}
					c.answerPings(11 * time.Second)
					c.cut()
				}
			})
		})
	}
}

// A platform that accepts, sends everything and dies at once is spared.
func TestCrashLoop(t *testing.T) {
	for _, sends := range []bool{true, false} {
		t.Run(fmt.Sprint("sends data: ", sends), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := start(t, inMemory(t), stream.Transport{})
				var at []time.Time
				for began := time.Now(); time.Since(began) < 20*time.Minute; {
					c := s.p.accept().upgrade()
					at = append(at, time.Now())
					c.expect(opText, syncRequest)
					if sends {
						c.send(full)
					}
					c.closeWith(1011, "")
				}
				if n := most(at, time.Minute); n > 12 {
					t.Errorf("%d connections in a minute: expected at most 12", n)
				}
				if n := most(at[10:], time.Minute); n > 4 || n < 2 {
					t.Errorf("%d connections in a minute after ten: expected 2 to 4", n)
				}
			})
		})
	}
}

// most returns how many of the times lie within the span.
func most(at []time.Time, span time.Duration) (n int) {
	first := 0
	for last := range at {
		for at[last].Sub(at[first]) >= span {
			first++
		}
		n = max(n, last-first+1)
	}
	return n
}

// request sends a request of another part of the client, such as a delivery.
func (s *session) request(q *polling, address, answer string) {
	s.t.Helper()
	go func() {
		(<-q.requests).answer <- answer
	}()
	if resp, err := s.http.Get(address); err == nil {
		_ = resp.Body.Close()
	}
}

// When another request succeeds after one failed, the platform is back, and the
// socket need not wait until its pause is over.
func TestRecoveryEndsAPause(t *testing.T) {
	const (
		own    = "http://platform.test/api/public/track"
		port   = "http://platform.test:81/api/public/track"
		other  = "http://elsewhere.test/api/public/track"
		upper  = "http://PLATFORM.test:80/"
		lasted = 16 * time.Minute // pauses are 30 to 60 s
	)
	refuse := func(status string, headers ...string) func(c *peer) {
		return func(c *peer) { c.refuse(status, headers...) }
	}
	tests := []struct {
		name     string
		fail     func(c *peer)
		requests []string // what becomes of them
		address  string
		ends     bool
	}{
		{"recovers", downs[0].fail, []string{"503", full}, own, true},
		{"recovers after no answer", downs[0].fail, []string{"", "", full}, own, true},
		{"recovers from 502", refuse("502 Bad Gateway"), []string{"503", full}, own, true},
		{"the socket has seen it fail", downs[0].fail, []string{full}, own, true},
		{"written differently", downs[0].fail, []string{"503", full}, upper, true},
		{"does not recover", downs[0].fail, []string{"503", "401", "503"}, own, false},
		{"other host", downs[0].fail, []string{"503", full}, other, false},
		{"other port", downs[0].fail, []string{"503", full}, port, false},
		{"403", refuse("403 Forbidden"), []string{"503", full}, own, false},
		{"404", refuse("404 Not Found"), []string{"503", full}, own, false},
		{"429", refuse("429 Too Many Requests"), []string{"503", full}, own, false},
		{"503 and Retry-After", refuse("503 Service Unavailable", "Retry-After: 30"), []string{"503", full}, own, false},
		{"4003", func(c *peer) { c.upgradeAt(0).closeWith(4003, "") }, []string{"503", full}, own, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p, q := pollable(t)
				s := start(t, p, stream.Transport{})
				s.ready().cut()
				for range 2 {
					s.store.await("interrupted")
					for began := time.Now(); time.Since(began) < lasted; {
						downs[0].fail(p.accept())
					}
					time.Sleep(time.Millisecond)
					tt.fail(p.accept())
					time.Sleep(time.Second)
					for _, answer := range tt.requests {
						s.request(q, tt.address, answer)
					}
					at := time.Now()
					synctest.Wait()
					if ended := len(p.conns) > 0; ended != tt.ends {
						t.Fatalf("the pause ends: %v, expected %v", ended, tt.ends)
					}
					if !tt.ends {
						c := p.accept()
						if c.at.Equal(at) {
							t.Error("connects at once")
						}
						c.upgrade().cut()
						return
					}
					// Once in an outage.
					downs[0].fail(p.accept())
					time.Sleep(time.Second)
					s.request(q, tt.address, "503")
					s.request(q, tt.address, full)
					synctest.Wait()
					if len(p.conns) > 0 {
						t.Fatal("a second pause ends")
					}
					s.store.forget()
					s.ready().cut() // the next outage
				}
			})
		})
	}
}

// The bound on connections holds for a platform that seems to recover.
func TestRecoveryKeepsToTheLimit(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p, q := pollable(t)
		s := start(t, p, stream.Transport{})
		for range 11 {
			s.ready().cut()
			s.store.await("interrupted")
		}
		last := time.Now()
		s.request(q, "http://platform.test/", "503")
		s.request(q, "http://platform.test/", full)
		checkBetween(t, "pause", p.accept().at.Sub(last), 14*time.Second, 19*time.Second)
	})
}

// While the platform is down the fallback polls it, and what it polls first
// brings the socket back.
func TestFallbackBringsTheSocketBack(t *testing.T) {
	for name, settings := range map[string]*poll.Transport{
		"on demand":      {},
		"at an interval": {Interval: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p, q := pollable(t)
				s := start(t, p, stream.Transport{Fallback: settings})
				s.ready().cut()
				back := time.Now().Add(20 * time.Minute)
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					for r := range q.requests {
						if time.Now().Before(back) {
							r.answer <- ""
							continue
						}
						r.answer <- full
						return
					}
				}()
				for done := false; !done; {
					select {
					case <-stopped:
						done = true
					case conn := <-p.conns:
						_ = conn.Close()
					}
				}
				polled := time.Now()
				c := p.accept()
				checkExactly(t, "from the poll to the socket", c.at.Sub(polled), 0)
			})
		})
	}
}

// The fallback keeps to the pauses of background transports, also where it
// works on demand.
func TestFallbackPauses(t *testing.T) {
	for name, settings := range map[string]*poll.Transport{"on demand": {}, "at an interval": {Interval: 20 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p, q := pollable(t)
				start(t, p, stream.Transport{Fallback: settings})
				go func() {
					for conn := range p.conns {
						_ = conn.Close()
					}
				}()
				const tick = time.Second // of a fallback that works on demand
				began := time.Now()
				last := began
				for at := began; at.Sub(began) < 20*time.Minute; last = at {
					r := q.next(t)
					r.answer <- ""
					q.next(t).answer <- "" // tried again at once
					at = r.at
					switch length := last.Sub(began); {
					case last.Equal(began):
					case length < 2*time.Minute:
						checkBetween(t, "pause", at.Sub(last), 500*time.Millisecond, 4*time.Second+2*tick)
					case length < 15*time.Minute:
						checkBetween(t, "pause of a long outage", at.Sub(last), 2*time.Second, 12*time.Second+2*tick)
					case length > 16*time.Minute:
						checkBetween(t, "pause of a very long outage", at.Sub(last), 30*time.Second, 60*time.Second+2*tick)
					}
				}
				close(p.conns)
			})
		})
	}
}
