package stream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

const date = "Date: Sat, 01 Jan 2000 00:00:00 GMT"

// quietly answers pings until a message of another kind comes, and returns it.
func (c *peer) quietly(pong string) frame {
	c.p.t.Helper()
	for {
		f, ok := c.next()
		if !ok {
			c.p.t.Fatal("the connection ended")
		}
		if f.payload == ping || f.payload == featBitPing {
			c.send(pong)
			continue
		}
		return f
	}
}

// TestResyncOnAnOpenConnection: the platform is asked again within Resync, by
// its own time less ten minutes, and for everything within FullResync.
func TestResyncOnAnOpenConnection(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		c := s.p.accept().upgrade(date)
		c.expect(opText, syncRequest)
		c.send(full)
		last, everything := time.Now(), 0
		for range 30 {
			f := c.quietly(pong)
			d := time.Since(last)
			if d > 5*time.Minute || d < 4*time.Minute && f.payload != syncRequest {
				t.Errorf("asked again after %v", d)
			}
			if f.payload == syncRequest {
				everything++
				c.send(full)
			} else {
				want := syncSince(last.Truncate(time.Millisecond).Add(-10 * time.Minute).UnixMilli())
				if f.payload != want {
					t.Errorf("asked %s, want %s", f.payload, want)
				}
				c.send(patch)
			}
			last = time.Now()
			c.expect(opText, ping)
			c.send(pong)
		}
		if everything < 2 || everything > 3 {
			t.Errorf("asked for everything %d times in two hours", everything)
		}
		if n := s.stats().Connects; n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestPongOfAnEarlierPing: only the pong of the ping that goes with a request
// says that its answer has come.
func TestPongOfAnEarlierPing(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, featBit(t), stream.Transport{PingInterval: 7 * time.Second, SilenceTimeout: time.Hour})
		c := s.p.resume()
		c.send(patch)
		c.send(featBitPong)
		s.store.await("confirmed")
		late := 0
		for f := c.expectAny(); f.payload == featBitPing; f = c.expectAny() {
			late++
		}
		c.expect(opText, featBitPing)
		s.store.forget()
		c.send(patch) // pushed
		for range late {
			c.send(featBitPong)
		}
		synctest.Wait()
		marks := s.store.count("patch")
		c.send(patch) // the answer
		c.send(featBitPong)
		synctest.Wait()
		if s.store.count("patch") != marks+1 {
			t.Error("the answer was not taken")
		}
		if n := s.store.answersTo(0); n != 2 {
			t.Errorf("%d messages were taken for the answer to the second request, want 2", n)
		}
	})
}

func (c *peer) expectAny() frame {
	c.p.t.Helper()
	f, ok := c.next()
	if !ok {
		c.p.t.Fatal("the connection ended")
	}
	return f
}

// answersTo counts the messages that were applied for the nth request that had
// a mark. What is pushed has none.
func (s *store) answersTo(n int) (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, last := -1, transport.Mark(0)
	for _, e := range s.calls {
		if e.message == nil || e.asked == 0 {
			continue
		}
		if e.asked != last {
			request, last = request+1, e.asked
		}
		if request == n {
			count++
		}
	}
	return count
}

// TestIgnoredRequest: a platform that answers a second request with a pong
// only keeps its connection.
func TestIgnoredRequest(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		c := s.ready()
		asked := 0
		for range 10 {
			c.quietly(pong)
			asked++
		}
		if n := s.store.count("interrupted"); n > 0 || s.stats().Connects != 1 {
			t.Errorf("interrupted %d times, %d connections", n, s.stats().Connects)
		}
	})
}

// TestHeldAnswerOnANewConnection: an answer that was held back confirms nothing,
// nor do pongs of a connection that has no other. The last request that has to
// agree comes on a new connection, which is no failure.
func TestHeldAnswerOnANewConnection(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		began := time.Now()
		s.store.hold(transport.Applied{Held: 1, Answers: 1})
		c := s.p.accept().upgrade(date)
		c.expect(opText, syncRequest)
		c.send(full)
		f := c.quietly(pong)
		if d := time.Since(began); f.payload != syncRequest || d != 15*time.Second {
			t.Errorf("asked %s after %v, want everything after 15s", f.payload, d)
		}
		s.store.hold(transport.Applied{Held: 1, Answers: 2, For: 15 * time.Second})
		c.send(full)
		for {
			f, ok := c.next()
			if !ok || f.op == opClose {
				break
			}
			if f.payload == ping {
				c.send(pong)
			}
		}
		if d := time.Since(began); d != 5*time.Minute {
			t.Errorf("the connection ends after %v, want 5m", d)
		}
		if n := s.store.count("confirmed"); n > 0 {
			t.Errorf("confirmed %d times", n)
		}
		c.cut()
		s.store.hold(transport.Applied{})
		s.ready()
		if n := s.store.count("interrupted"); n > 0 || s.stats() != (transport.Stats{Connects: 2}) {
			t.Errorf("interrupted %d times, stats %+v", n, s.stats())
		}
	})
}
