package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

var errSecond = &transport.Error{Kind: transport.KindNetwork, Err: errors.New("the second transport fails")}

// A failure is reported to the store if nothing serves, and the fallback when
// that changes.
func TestFallbackTellsTheStore(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		told := func(want ...string) {
			t.Helper()
			synctest.Wait()
			s.store.checkTold(want...)
		}
		s.run()
		told()
		s.p.accept().refuse("502 Bad Gateway")
		second := f.next()
		told("interrupted")
		second.store.Interrupted(errSecond)
		told("interrupted")
		s.p.accept().refuse("502 Bad Gateway")
		told("interrupted") // both fail

		second.serve()
		told("full", "fallback true", "confirmed")
		for range 3 {
			s.p.accept().refuse("403 Forbidden")
			told()
		}
		second.serve()
		told("full", "confirmed")
		second.store.Confirm()
		told("confirmed")
		if err := second.apply(patch); err != nil {
			t.Error(err)
		}
		told("patch")
		var typed *transport.Error
		if err := second.apply(`{"unusable"}`); !errors.As(err, &typed) {
			t.Errorf("a bad answer: got %v, want the store's error", err)
		}
		told()

		second.store.Interrupted(errSecond)
		told("fallback false", "interrupted")
		second.store.Interrupted(errSecond)
		told("interrupted")
		s.p.accept().refuse("502 Bad Gateway")
		told("interrupted")
		second.store.Confirm()
		told("fallback true", "confirmed")

		c := s.p.accept().upgrade()
		c.expect(opText, syncRequest)
		c.send(patch)
		told("patch") // which may have been pushed before the answer
		c.send(full)
		told("full", "fallback false", "confirmed")
		second.isStopped()
		c.send(pong)
		told("confirmed")
		c.cut()
		told("interrupted")
		time.Sleep(10 * time.Second)
		second = f.next()
		told()
		second.serve()
		told("full", "fallback true", "confirmed")
		s.close()
		told("fallback false")
	})
}

// What is told comes with its reason.
func TestFallbackReasons(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		s.run()
		s.p.accept().refuse("502 Bad Gateway")
		s.store.awaitError("interrupted", transport.KindWebSocket, "502")
		f.next().store.Interrupted(errSecond)
		s.store.awaitError("interrupted", transport.KindNetwork, "second transport")
	})
}

// A fallback may bring changes only, and be told to be right by Confirm.
func TestFallbackServesFromConfirmOn(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		s.run()
		s.p.accept().refuse("502 Bad Gateway")
		second := f.next()
		if err := second.apply(patch); err != nil {
			t.Error(err)
		}
		second.store.Confirm()
		synctest.Wait()
		s.store.checkTold("interrupted", "patch", "fallback true", "confirmed")
	})
}

// A fallback that is refused is an outage like any other: the socket is tried
// on, and after it the fallback anew.
func TestFallbackRefused(t *testing.T) {
	for _, data := range []string{"without data", "with data"} {
		t.Run(data, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				s.run()
				if data == "with data" {
					s.ready().cut()
				}
				s.p.accept().refuse("502 Bad Gateway")
				second := f.next()
				second.serve()
				s.store.await("fallback true")
				s.store.await("confirmed")
				second.store.Off(errSecond)
				synctest.Wait()
				s.store.checkTold("fallback false", "interrupted")
				for range 3 {
					s.p.accept().refuse("502 Bad Gateway")
					s.store.await("interrupted")
				}
				s.ready().cut()
				f.next().serve()
				s.store.await("fallback true")
				if n := s.store.count("off"); n > 0 {
					t.Error("the session gave up")
				}
			})
		})
	}
}

// Where websockets do not pass, one refusal of a firewall must not end the
// fallback for good.
func TestFallbackStartsAgainAfterRefusal(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		s.p.onDial = func(context.Context) error { return errors.New("no route to host") }
		s.run()
		for range 3 {
			second := f.next()
			second.serve()
			s.store.await("confirmed")
			refused := time.Now()
			second.store.Off(errSecond)
			second.isStopped()
			s.store.awaitError("interrupted", transport.KindNetwork, errSecond.Error())
			again := f.next()
			checkBetween(t, "begins", again.at.Sub(refused), time.Minute, 75*time.Second)
			again.store.Off(errSecond)
		}
	})
}

// What the sessions of the fallback do counts as what the transport does, while they
// run and when they have ended.
func TestStatsHaveTheFallback(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		f.stubborn = make(chan struct{})
		s.run()
		s.p.accept().refuse("502 Bad Gateway")
		check := func(sessions int, own transport.Stats) {
			t.Helper()
			synctest.Wait()
			own.Connects += uint64(4 * sessions)
			own.Failures += uint64(3 * sessions)
			own.Fetches += uint64(2 * sessions)
			own.FetchTime += time.Duration(sessions) * time.Second
			if got := s.stats(); got != own {
				t.Errorf("%d sessions: got %+v, want %+v", sessions, got, own)
			}
		}
		second := f.next()
		second.serve()
		check(1, transport.Stats{Connects: 1, Failures: 1})
		c := s.ready()
		second.isStopped()
		check(1, transport.Stats{Connects: 2, Failures: 1}) // it does not end yet
		c.cut()
		third := f.next()
		check(2, transport.Stats{Connects: 3, Failures: 2})
		close(f.stubborn)
		third.store.Off(errSecond)
		third.isStopped()
		check(2, transport.Stats{Connects: 3, Failures: 2})
	})
}

// After a fallback that was refused, the time until the next one counts from the next
// outage, not from the one before.
func TestFallbackAfterRefusalAndRecovery(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		const timeout = 8 * time.Second
		s, f := fallingBack(t, stream.Transport{FallbackAfter: timeout})
		s.run()
		s.p.accept().refuse("502 Bad Gateway")
		second := f.next() // at once, as there is no data
		second.store.Off(errSecond)
		second.isStopped()
		c := s.ready()
		time.Sleep(6 * time.Second)
		s.p.onDial = func(context.Context) error { return errors.New("no route to host") }
		c.cut()
		lost := time.Now()
		checkBetween(t, "begins", f.next().at.Sub(lost), timeout, timeout*3/2)
	})
}

// A secret that the platform took by polling is not wrong when the socket is
// refused.
func TestFallbackSpeaksForTheSecret(t *testing.T) {
	tests := []struct {
		name  string
		asked transport.Mark
		empty bool // FeatBit answers so to a secret that it does not know
		final bool
	}{
		{"answer of the platform", 1, false, false},
		{"answer without data", 1, true, true},
		{"answer of a cache", 0, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				s.store.empty = tt.empty
				s.run()
				s.p.accept().refuse("502 Bad Gateway")
				second := f.next()
				if _, err := second.store.Apply([]byte(full), tt.asked); err != nil {
					t.Fatal(err)
				}
				second.store.Confirm()
				s.p.accept().upgradeAt(0).closeWith(4003, "")
				if tt.final {
					s.store.awaitError("off", transport.KindRefused, "check the secret")
					s.ended()
					return
				}
				s.store.await("confirmed")
				synctest.Wait()
				s.store.checkTold()
				refused := time.Now()
				c := s.p.accept()
				checkBetween(t, "connects again", c.at.Sub(refused), time.Minute, 75*time.Second)
				second.store.Confirm()
				s.store.await("confirmed")
				c.upgrade().expect(opText, syncRequest)
				c.send(full)
				s.store.await("fallback false")
				second.isStopped()
			})
		})
	}
}

// A platform that refuses the secret for good ends both.
func TestFallbackEndsWithTheSocket(t *testing.T) {
	for name, serves := range map[string]bool{"serves": true, "fails": false} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				s.run()
				s.p.accept().refuse("502 Bad Gateway")
				second := f.next()
				want := []string{"off"}
				if serves {
					second.serve()
					want = []string{"fallback false", "off"}
				}
				c := s.p.accept()
				synctest.Wait()
				s.store.forget()
				c.upgradeAt(0).closeWith(4003, "")
				second.isStopped()
				s.ended()
				s.store.checkTold(want...)
				second.store.Confirm()
				time.Sleep(time.Hour)
				s.store.checkTold()
				if len(f.started) > 0 || len(s.p.conns) > 0 {
					t.Error("the session goes on")
				}
			})
		})
	}
}

// A refusal that is not final does not end the fallback.
func TestFallbackWhileRefused(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		s.run()
		s.ready().closeWith(4003, "")
		f.next().serve()
		s.store.await("confirmed")
		for range 3 {
			s.p.accept().upgradeAt(0).closeWith(4003, "")
		}
		synctest.Wait()
		s.store.checkTold()
		s.ready()
		if n := s.store.count("interrupted"); n != 1 {
			t.Errorf("interrupted %d times, want 1", n)
		}
	})
}
