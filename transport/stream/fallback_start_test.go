package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// outages are the ways in which a socket does not come about. In each the first
// attempt fails at once, unless it is slow. A nil script is for those where there
// is nothing to accept.
var outages = []struct {
	name   string
	dial   func(context.Context) error
	script func(c *peer)
	slow   bool
}{
	{"connection refused", func(context.Context) error { return errors.New("connection refused") }, nil, false},
	{"dial goes nowhere", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		<-ctx.Done()
		return ctx.Err()
	}, nil, true},
	{"200", nil, func(c *peer) { c.refuse("200 OK") }, false},
	{"403", nil, func(c *peer) { c.refuse("403 Forbidden") }, false},
	{"426", nil, func(c *peer) { c.refuse("426 Upgrade Required") }, false},
	{"502", nil, func(c *peer) { c.refuse("502 Bad Gateway") }, false},
	{"503 for some time", nil, func(c *peer) { c.refuse("503 Service Unavailable", "Retry-After: 300") }, false},
	{"handshake not answered", nil, func(*peer) {}, true},
	{"cut", nil, func(c *peer) { c.cut() }, false},
	{"upgrade, then cut", nil, func(c *peer) { c.upgrade().cut() }, false},
	{"upgrade, then closed", nil, func(c *peer) { c.upgrade().closeWith(1011, "") }, false},
	{"request not answered", nil, func(c *peer) { c.upgrade().expect(opText, syncRequest) }, true},
	{"request not read", nil, func(c *peer) { c.accepted() }, true},
	{"pushes only", nil, func(c *peer) { c.upgrade().send(patch) }, true},
	{"wrong clock", nil, func(c *peer) { c.upgradeAt(time.Hour).closeWith(4003, "") }, false},
}

// Without data there is nothing to wait with, once an attempt has failed.
func TestFallbackWithoutData(t *testing.T) {
	for _, tt := range outages {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				s.p.onDial = func(ctx context.Context) error {
					if tt.dial != nil {
						return tt.dial(ctx)
					}
					return nil
				}
				began := time.Now()
				s.run()
				if tt.script != nil {
					tt.script(s.p.accept())
				}
				took := f.next().at.Sub(began)
				if tt.slow {
					checkBetween(t, "begins", took, 5*time.Second, 7500*time.Millisecond)
				} else {
					checkExactly(t, "begins", took, 0)
				}
			})
		})
	}
}

// With data it waits, from when the connection is lost, however long the pause
// until the next attempt to connect.
func TestFallbackAfterData(t *testing.T) {
	for _, tt := range outages {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				s.run()
				c := s.ready()
				s.p.onDial = func(ctx context.Context) error {
					if tt.dial != nil {
						return tt.dial(ctx)
					}
					return nil
				}
				c.cut()
				lost := time.Now()
				if tt.script != nil {
					tt.script(s.p.accept())
				}
				checkBetween(t, "begins", f.next().at.Sub(lost), 5*time.Second, 7500*time.Millisecond)
			})
		})
	}
	losses := []struct {
		name string
		lose func(c *peer)
	}{
		{"4003", func(c *peer) { c.closeWith(4003, "") }},
		{"1012", func(c *peer) { c.closeWith(1012, "") }},
		{"bad data", func(c *peer) {
			c.send("junk")
			c.expect(opClose, goingAway)
			c.closeWith(1001, "")
		}},
		{"silence", func(*peer) { time.Sleep(30 * time.Second) }},
	}
	for _, tt := range losses {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				s.run()
				tt.lose(s.ready())
				lost := s.store.await("interrupted").at
				checkBetween(t, "begins", f.next().at.Sub(lost), 5*time.Second, 7500*time.Millisecond)
			})
		})
	}
}

func TestFallbackAfterIsASetting(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		const timeout = 8 * time.Second
		s, f := fallingBack(t, stream.Transport{FallbackAfter: timeout})
		s.run()
		c := s.ready()
		low, high := time.Hour, time.Duration(0)
		for range 100 {
			c.answerPings(61 * time.Second) // so that the next attempt is soon
			c.cut()
			lost := time.Now()
			c = s.p.accept().upgrade()
			took := f.next().at.Sub(lost)
			checkBetween(t, "begins", took, timeout, timeout*3/2)
			low, high = min(low, took), max(high, took)
			c.expect(opText, syncRequest)
			c.send(full)
			s.store.await("confirmed")
		}
		if low > timeout*11/10 || high < timeout*14/10 {
			t.Errorf("100 times lie between %v and %v, want more spread", low, high)
		}
	})
}

// With each outage timeout begins anew, however soon after the one before.
func TestFallbackPatienceBeginsAnew(t *testing.T) {
	for name, attempts := range map[string]int{"one attempt": 0, "more": 2} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{FallbackAfter: 10 * time.Second})
				s.run()
				s.ready().cut()
				lost := time.Now()
				for range attempts {
					s.p.accept().refuse("502 Bad Gateway")
				}
				c := s.p.accept().upgrade()
				time.Sleep(9*time.Second - time.Since(lost))
				c.send(full)
				s.store.await("confirmed")
				c.cut()
				lost = time.Now()
				checkBetween(t, "begins", f.next().at.Sub(lost), 10*time.Second, 15*time.Second)
			})
		})
	}
}

// A connection that comes back in time keeps the fallback from beginning, each
// time anew.
func TestFallbackIsNotNeeded(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		s.run()
		c := s.p.accept().upgrade()
		time.Sleep(4999 * time.Millisecond)
		c.send(full)
		s.store.await("confirmed")
		for range 20 {
			// Attempts take between half a second and one to begin, as those
			// before them were of use.
			c.answerPings(61 * time.Second)
			c.cut()
			c = s.p.accept().upgrade()
			time.Sleep(3900 * time.Millisecond)
			c.send(full)
			s.store.await("confirmed")
		}
		c.answerPings(time.Hour)
		synctest.Wait()
		if len(f.started) > 0 {
			t.Error("the fallback was started")
		}
		if got := f.opened.Load(); got != 1 {
			t.Errorf("the fallback was opened %d times, want once, for a look at its settings", got)
		}
		if n := s.store.count("fallback true") + s.store.count("fallback false"); n > 0 {
			t.Errorf("a fallback was reported %d times", n)
		}
	})
}

// The socket is tried on with its usual pauses, also while the fallback serves.
func TestFallbackDoesNotKeepFromConnecting(t *testing.T) {
	for name, serves := range map[string]bool{"serves": true, "fails": false} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				s.run()
				c := s.p.accept()
				for n, pause := range pauses {
					c.refuse("502 Bad Gateway")
					failed := time.Now()
					if n == 0 {
						if second := f.next(); serves {
							second.serve()
						}
					}
					c = s.p.accept()
					checkBetween(t, "pause", c.at.Sub(failed), pause/2, pause)
				}
			})
		})
	}
}
