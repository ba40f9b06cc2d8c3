package stream_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// On demand there is one request, one answer and a close frame. In between
// nothing runs.
func TestOnDemand(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		s.checkQuiet()
		seen := make(map[string]bool)
		for n := range 3 {
			done := s.refresh()
			c := s.exchange()
			if seen[c.token()] {
				t.Error("the token is not fresh")
			}
			seen[c.token()] = true
			if o := s.wait(done); o.err != nil || o.took != 0 {
				t.Errorf("Refresh: got %v after %v", o.err, o.took)
			}
			synctest.Wait()
			if got, want := s.stats(), (transport.Stats{Connects: uint64(n + 1), Fetches: uint64(n + 1)}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if e := s.store.await("full"); e.asked != transport.Mark(n) {
				t.Errorf("got mark %d, want %d", e.asked, n)
			}
			s.store.await("confirmed")
			s.checkQuiet()
		}
		if n := s.store.told(); n != 6 {
			t.Errorf("the store was told %d things, want 6", n)
		}
	})
}

// What is pushed before the answer is stored. It is not the answer.
func TestOnDemandPushesBeforeTheAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		done := s.refresh()
		c := s.p.accept().upgrade()
		c.expect(opText, syncRequest)
		for _, message := range []string{patch, pong, `{"messageType":"news"}`, patch} {
			c.send(message)
		}
		c.frame(true, opBinary, full)
		synctest.Wait()
		if len(done) > 0 || s.store.count("patch") != 2 || s.store.count("confirmed") != 0 {
			t.Errorf("got %d returns, %d patches and %d confirmations, want 0, 2 and 0",
				len(done), s.store.count("patch"), s.store.count("confirmed"))
		}
		c.send(full)
		if o := s.wait(done); o.err != nil || o.took != 0 {
			t.Errorf("Refresh: got %v after %v", o.err, o.took)
		}
		if e := s.store.await("full"); e.asked != 0 {
			t.Errorf("got mark %d, want that of before the request", e.asked)
		}
		c.expect(opClose, normalClose)
		c.send(patch) // too late
		c.closeWith(1000, "")
		synctest.Wait()
		if n := s.store.count("patch"); n != 2 {
			t.Errorf("%d patches are stored, want 2", n)
		}
		s.checkQuiet()
	})
}

// Those who wait go on when the data is there, whether or not the platform
// answers the close frame.
func TestOnDemandGoesOnWithTheData(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		refresh, load := s.refresh(), s.load(t.Context())
		c := s.p.accept().upgrade()
		c.expect(opText, syncRequest)
		time.Sleep(100 * time.Millisecond)
		c.send(full)
		sent := time.Now()
		for _, done := range []<-chan outcome{refresh, load} {
			if o := s.wait(done); o.err != nil || o.took != 100*time.Millisecond {
				t.Errorf("got %v after %v, want success after 100 ms", o.err, o.took)
			}
		}
		if o := s.wait(s.refresh()); o.err != nil || o.took != 0 {
			t.Errorf("Refresh while the socket is closed: got %v after %v", o.err, o.took)
		}
		at, bye := c.end()
		checkExactly(t, "closed", at.Sub(sent), grace)
		if bye.payload != normalClose {
			t.Errorf("got close frame %q, want %q", bye.payload, normalClose)
		}
		s.checkQuiet()
	})
}

func TestOnDemandOneDialForAll(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		var all []<-chan outcome
		for n := range 1000 {
			if n%10 == 0 {
				all = append(all, s.load(t.Context()))
			} else {
				all = append(all, s.refresh())
			}
		}
		synctest.Wait()
		s.exchange()
		for _, done := range all {
			if o := s.wait(done); o.err != nil || o.took != 0 {
				t.Fatalf("got %v after %v", o.err, o.took)
			}
		}
		if got, want := s.stats(), (transport.Stats{Connects: 1, Fetches: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// Nothing is left of a refresh that fails, and the reason is told.
func TestOnDemandFailures(t *testing.T) {
	noRoute := errors.New("no route to host")
	tests := []struct {
		name   string
		dial   error
		script func(c *peer)
		kind   transport.Kind
		text   string
	}{
		{"no route", noRoute, nil, transport.KindNetwork, "no route"},
		{"name not found", &net.DNSError{Err: "no such host", Name: "platform.test", IsNotFound: true}, nil, transport.KindNetwork, "no such host"},
		{"certificate", errors.New("tls: failed to verify certificate"), nil, transport.KindNetwork, "certificate"},
		{"handshake cut", nil, func(c *peer) { c.cut() }, transport.KindNetwork, ""},
		{"200", nil, func(c *peer) { c.refuse("200 OK") }, transport.KindWebSocket, "200"},
		{"403", nil, func(c *peer) { c.refuse("403 Forbidden") }, transport.KindWebSocket, "403"},
		{"426", nil, func(c *peer) { c.refuse("426 Upgrade Required") }, transport.KindWebSocket, "426"},
		{"502", nil, func(c *peer) { c.refuse("502 Bad Gateway") }, transport.KindWebSocket, "502"},
		{"redirect", nil, func(c *peer) { c.refuse("302 Found", "Location: http://elsewhere.test/") }, transport.KindWebSocket, "302"},
		{"cut", nil, func(c *peer) { c.upgrade().cut() }, transport.KindNetwork, ""},
		{"cut after a push", nil, func(c *peer) {
			c.upgrade().send(patch)
			c.cut()
		}, transport.KindNetwork, ""},
		{"closed", nil, func(c *peer) { c.upgrade().closeWith(1000, "") }, transport.KindClosed, "1000"},
		{"closed for a restart", nil, func(c *peer) { c.upgrade().closeWith(1012, "") }, transport.KindUnavailable, "1012"},
		{"junk", nil, func(c *peer) { c.upgrade().sendBad("junk") }, transport.KindData, ""},
		{"junk inside", nil, func(c *peer) { c.upgrade().sendBad(`{"messageType":"data-sync","unusable"}`) }, transport.KindData, "unusable"},
		{"large message", nil, func(c *peer) { c.upgrade().send(bigFull(2000)) }, transport.KindData, "MaxMessage"},
		{"protocol violation", nil, func(c *peer) { c.upgrade().frame(true, 0x3, "") }, transport.KindNetwork, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				p.onDial = func(context.Context) error { return tt.dial }
				s := onDemand(t, p, stream.Transport{MaxMessage: 1000})
				done := s.refresh()
				if tt.script != nil {
					tt.script(p.accept())
				}
				o := s.wait(done)
				e := s.store.awaitError("interrupted", tt.kind, tt.text)
				var typed *transport.Error
				if !errors.As(o.err, &typed) || typed != e.err {
					t.Errorf("Refresh: got %v, want what the store was told, %v", o.err, e.err)
				}
				if o.took != 0 {
					t.Errorf("Refresh took %v", o.took)
				}
				synctest.Wait()
				if got, want := s.stats(), (transport.Stats{Connects: 1, Failures: 1, Fetches: 1}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if n := s.store.count("confirmed") + s.store.count("full") + s.store.count("off"); n > 0 {
					t.Errorf("the store was told %d times of a success or an end", n)
				}
				s.checkQuiet()
				p.onDial = nil
				s.refreshed()
				s.checkQuiet()
			})
		})
	}
}

// sendBad sends a message that makes the client close the connection.
func (c *peer) sendBad(message string) {
	c.p.t.Helper()
	c.expect(opText, syncRequest)
	c.send(message)
	c.expect(opClose, goingAway)
	c.closeWith(1001, "")
}
