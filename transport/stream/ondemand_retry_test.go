package stream_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// failed has the session try to refresh its data, which fails as told.
func (s *session) failed(fail func(c *peer)) {
	s.t.Helper()
	done := s.refresh()
	fail(s.p.accept())
	if o := s.wait(done); o.err == nil {
		s.t.Fatal("Refresh returned no error")
	}
	synctest.Wait()
}

// After a failure nothing is tried for a time that grows with each further one.
func TestOnDemandBackOff(t *testing.T) {
	tests := []struct {
		name     string
		settings stream.Transport
		fail     func(c *peer)
		pauses   []time.Duration
	}{
		{"upgrade refused", stream.Transport{}, func(c *peer) { c.refuse("502 Bad Gateway") }, doubling},
		{"closed", stream.Transport{}, func(c *peer) { c.upgrade().closeWith(1012, "") }, doubling},
		{"cut", stream.Transport{}, func(c *peer) { c.upgrade().cut() }, doubling},
		{"bad data", stream.Transport{}, func(c *peer) { c.upgrade().sendBad("{") }, doubling},
		{"configured", stream.Transport{FirstRetry: 4 * time.Second, MaxRetry: 10 * time.Second}, func(c *peer) { c.cut() },
			[]time.Duration{4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := onDemand(t, inMemory(t), tt.settings)
				for round := range 2 {
					for _, pause := range tt.pauses {
						s.failed(tt.fail)
						time.Sleep(pause/2 - time.Millisecond)
						s.checkNotTried()
						time.Sleep(pause/2 + time.Millisecond)
					}
					if n := s.store.count("interrupted"); n != (round+1)*len(tt.pauses) {
						t.Errorf("interrupted %d times, want %d", n, (round+1)*len(tt.pauses))
					}
					s.refreshed() // the pauses start anew
					time.Sleep(30 * time.Second)
				}
			})
		})
	}
}

// An answer can mean a longer time, to which up to a quarter is added.
func TestOnDemandPauseAfterAnswer(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name       string
		status     string
		retryAfter string
		want       time.Duration
	}{
		{"403", "403 Forbidden", "", 60 * s},
		{"404", "404 Not Found", "", 60 * s},
		{"426", "426 Upgrade Required", "", 60 * s},
		{"429 and seconds", "429 Too Many Requests", "7", 7 * s},
		{"503 and seconds", "503 Service Unavailable", "120", 120 * s},
		{"503 and a date", "503 Service Unavailable", "Sat, 01 Jan 2000 00:00:42 GMT", 42 * s},
		{"503 and a very long time", "503 Service Unavailable", "1000000", 600 * s},
		{"403 and more", "403 Forbidden", "90", 90 * s},
		{"403 and less", "403 Forbidden", "7", 60 * s},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				sn := onDemand(t, inMemory(t), stream.Transport{})
				sn.failed(func(c *peer) {
					if tt.retryAfter != "" {
						c.refuse(tt.status, "Retry-After: "+tt.retryAfter)
					} else {
						c.refuse(tt.status)
					}
				})
				sn.store.awaitError("interrupted", transport.KindWebSocket, tt.status)
				for range 10 {
					sn.checkNotTried()
					time.Sleep(tt.want/10 - time.Millisecond)
				}
				sn.checkNotTried()
				time.Sleep(tt.want/4 + 10*time.Millisecond)
				sn.refreshed()
			})
		})
	}
}

// A clock that is wrong is corrected within one refresh.
func TestOnDemandSkew(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name  string
		ahead time.Duration
	}{
		{"ours behind", time.Hour},
		{"ours a little behind", 25 * s},
		{"ours years behind", 20000 * time.Hour},
		{"ours ahead", -time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				sn := onDemand(t, inMemory(t), stream.Transport{})
				checkToken := func(c *peer, want time.Duration) {
					t.Helper()
					checkBetween(t, "token's time", c.tokenTime().Sub(c.at), want-2*s, want+s)
				}
				done := sn.refresh()
				c := sn.p.accept()
				checkToken(c, 0)
				c.upgradeAt(tt.ahead).closeWith(4003, "")
				c = sn.p.accept()
				checkToken(c, tt.ahead)
				c.upgradeAt(tt.ahead).exchange()
				if o := sn.wait(done); o.err != nil || o.took != 0 {
					t.Errorf("Refresh: got %v after %v", o.err, o.took)
				}
				synctest.Wait()
				if got, want := sn.stats(), (transport.Stats{Connects: 2, Failures: 1, Fetches: 1}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if !strings.Contains(sn.log.String(), "clock differs by") {
					t.Errorf("nothing of the clock in the log:\n%s", sn.log)
				}
				if n := sn.store.count("interrupted") + sn.store.count("off"); n > 0 {
					t.Errorf("%d failures were reported", n)
				}
				sn.checkQuiet()
				checkToken(sn.refreshed(), tt.ahead) // which is remembered
			})
		})
	}
}

// Two platforms behind one name that disagree about the time are not asked in
// turns until the exchange's time is up.
func TestOnDemandSkewThatChanges(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		done := s.refresh()
		s.p.accept().upgradeAt(time.Hour).closeWith(4003, "")
		s.p.accept().upgradeAt(-time.Hour).closeWith(4003, "")
		if o := s.wait(done); o.err == nil || o.took != 0 {
			t.Errorf("Refresh: got %v after %v", o.err, o.took)
		}
		s.store.awaitError("interrupted", transport.KindRefused, "clock differs by")
		if got, want := s.stats(), (transport.Stats{Connects: 2, Failures: 2, Fetches: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		s.checkNotTried()
		s.checkQuiet()
		s.refreshed()
	})
}

// A platform that refuses the secret before it has given data is not asked
// again.
func TestOnDemandRefusal(t *testing.T) {
	tests := []struct {
		name   string
		refuse func(s *session)
	}{
		{"same clock", func(s *session) { s.p.accept().upgradeAt(0).closeWith(4003, "") }},
		{"no date", func(s *session) { s.p.accept().upgrade().closeWith(4003, "") }},
		{"after a push", func(s *session) {
			c := s.p.accept().upgradeAt(0)
			c.send(patch)
			c.closeWith(4003, "")
		}},
		{"after a correction of the clock", func(s *session) {
			s.p.accept().upgradeAt(time.Hour).closeWith(4003, "")
			s.p.accept().upgradeAt(time.Hour).closeWith(4003, "")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := onDemand(t, inMemory(t), stream.Transport{})
				done, loaded := s.refresh(), s.load(t.Context())
				tt.refuse(s)
				for _, done := range []<-chan outcome{done, loaded} {
					if o := s.wait(done); o.err == nil || o.took != 0 {
						t.Errorf("got %v after %v, want an error at once", o.err, o.took)
					}
				}
				s.store.awaitError("off", transport.KindRefused, "check the secret")
				s.checkQuiet()
				s.checkNotTried()
				if o := s.wait(s.load(t.Context())); o.err == nil || o.took != 0 {
					t.Errorf("Load: got %v after %v, want an error at once", o.err, o.took)
				}
				s.checkQuiet()
				if n := s.store.count("interrupted"); n > 0 {
					t.Errorf("interrupted %d times", n)
				}
			})
		})
	}
}

// One that gave data before is, but not often.
func TestOnDemandRefusalAfterData(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		s.refreshed()
		time.Sleep(30 * time.Second)
		for range 3 {
			s.failed(func(c *peer) { c.upgradeAt(0).closeWith(4003, "") })
			s.store.awaitError("interrupted", transport.KindRefused, "code 4003")
			time.Sleep(60*time.Second - time.Millisecond)
			s.checkNotTried()
			time.Sleep(15*time.Second + time.Millisecond)
		}
		s.refreshed()
		if n := s.store.count("off"); n > 0 {
			t.Error("the session gave up")
		}
	})
}
