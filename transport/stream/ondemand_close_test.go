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

// Close ends a refresh in any state, and all that wait for it.
func TestOnDemandClose(t *testing.T) {
	tests := []struct {
		name   string
		script func(t *testing.T, s *session)
		want   time.Duration
	}{
		{"dialling", func(_ *testing.T, s *session) { synctest.Wait() }, 0},
		{"handshake", func(_ *testing.T, s *session) { s.p.accept() }, 0},
		{"handshake half answered", func(_ *testing.T, s *session) {
			s.p.accept().respond("HTTP/1.1 101 Switching Protocols", "Connection: Upgr")
		}, 0},
		{"waiting for data, platform answers", func(_ *testing.T, s *session) {
			c := s.p.accept().upgrade()
			c.expect(opText, syncRequest)
			go c.goodbye()
		}, 0},
		{"waiting for data, platform silent", func(_ *testing.T, s *session) { s.p.accept().upgrade() }, grace},
		{"waiting for data, platform does not read", func(_ *testing.T, s *session) { s.p.accept().accepted() }, grace},
		{"inside a message", func(_ *testing.T, s *session) { s.p.accept().upgrade().frame(false, opText, "{") }, grace},
		{"storing", func(_ *testing.T, s *session) {
			s.store.onApply = func() error {
				time.Sleep(800 * time.Millisecond) // longer than the grace
				return nil
			}
			s.p.accept().upgrade().send(full)
		}, 800 * time.Millisecond},
		{"closing the socket", func(_ *testing.T, s *session) {
			s.p.accept().upgrade().send(full)
			time.Sleep(grace - 100*time.Millisecond)
		}, 100 * time.Millisecond},
		{"bad data", func(_ *testing.T, s *session) {
			s.p.accept().upgrade().send("junk")
			time.Sleep(grace - 100*time.Millisecond)
		}, 100 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				if tt.name == "dialling" {
					p.onDial = func(ctx context.Context) error {
						// net/http lets a dial go on, and a net.Dialer has a timeout.
						ctx, cancel := context.WithTimeout(ctx, time.Second)
						defer cancel()
						<-ctx.Done()
						return ctx.Err()
					}
				}
				s := onDemand(t, p, stream.Transport{Budget: time.Minute})
				waiting := []<-chan outcome{s.refresh(), s.load(t.Context())}
				tt.script(t, s)
				synctest.Wait()
				closed := call(func() error {
					s.refresher.Close()
					return nil
				})
				for _, done := range waiting {
					if o := s.wait(done); o.err == nil && s.store.count("full") == 0 {
						t.Error("success without data")
					}
				}
				checkExactly(t, "Close", s.wait(closed).took, tt.want)
				checkNothingRuns(t)
				if n := s.store.count("interrupted") + s.store.count("off"); n > 0 {
					t.Errorf("%d failures were reported", n)
				}
				time.Sleep(time.Minute) // what data there is gets old
				s.checkNotTried()
				if o := s.wait(s.load(t.Context())); o.err == nil || o.took != 0 {
					t.Errorf("Load: got %v after %v, want an error at once", o.err, o.took)
				}
				s.checkQuiet()
			})
		})
	}
}

// Close may come first, last and more than once.
func TestOnDemandCloseWithoutRefresh(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		s.refreshed()
		for range 3 {
			began := time.Now()
			s.refresher.Close()
			checkExactly(t, "Close", time.Since(began), 0)
		}
		time.Sleep(time.Hour)
		s.checkNotTried()
		s.checkQuiet()
	})
}

// A client that is being closed takes no message any more. That is no fault of
// the platform's.
func TestOnDemandCloseWhileTheAnswerArrives(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		s.store.onApply = func() error { return errors.New("closed") }
		done := s.refresh()
		c := s.p.accept().upgrade()
		c.expect(opText, syncRequest)
		c.send(full)
		c.goodbye()
		if o := s.wait(done); o.err == nil {
			t.Error("Refresh returned no error")
		}
		s.refresher.Close()
		s.checkQuiet()
	})
}
