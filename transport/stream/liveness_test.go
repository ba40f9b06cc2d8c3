package stream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func TestPings(t *testing.T) {
	tests := []struct {
		name     string
		settings stream.Transport
		interval time.Duration
	}{
		{"default", stream.Transport{Resync: -1, FullResync: -1}, 10 * time.Second},
		{"configured", stream.Transport{PingInterval: 7 * time.Second, Resync: -1, FullResync: -1}, 7 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				s := start(t, p, tt.settings)
				c := p.accept().upgrade()
				opened := time.Now()
				f := c.expect(opText, syncRequest)
				checkExactly(t, "request for data", f.at.Sub(opened), 0)
				c.send(full)
				for n := range 50 {
					f := c.expect(opText, ping)
					checkExactly(t, "ping", f.at.Sub(opened), time.Duration(n+1)*tt.interval)
					c.send(pong)
				}
				if n := s.store.count("interrupted"); n > 0 {
					t.Errorf("interrupted %d times", n)
				}
			})
		})
	}
}

// Whatever arrives is a sign of life, and nothing else is.
func TestSilence(t *testing.T) {
	tests := []struct {
		name string
		sign func(c *peer)
	}{
		{"pong message", func(c *peer) { c.send(pong) }},
		{"push", func(c *peer) { c.send(patch) }},
		{"unknown message", func(c *peer) { c.send(`{"messageType":"news"}`) }},
		{"empty binary message", func(c *peer) { c.frame(true, opBinary, "") }},
		{"ping frame", func(c *peer) { c.frame(true, opPing, "are you there?") }},
		{"pong frame without a ping", func(c *peer) { c.frame(true, opPong, "") }},
		{"part of a message", func(c *peer) { c.frame(false, opText, `{"messageType":`) }},
		{"empty part of a message", func(c *peer) { c.frame(false, opText, "") }},
		{"part of a frame", func(c *peer) { c.write(append(head(true, opText, 1000), "{"...)) }},
		{"part of a frame's head", func(c *peer) { c.write(head(true, opText, 1000)[:1]) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				s := start(t, p, stream.Transport{})
				c := s.ready()
				time.Sleep(29 * time.Second)
				tt.sign(c)
				spoke := time.Now()
				at, bye := c.end()
				checkExactly(t, "silence", at.Sub(spoke), 30*time.Second)
				if bye.op != 0 {
					t.Errorf("got close frame %q, want none", bye.payload)
				}
				e := s.store.awaitError("interrupted", transport.KindNetwork, "fell silent")
				checkExactly(t, "report", e.at.Sub(at), 0)
			})
		})
	}
}

func TestSilenceTimeoutIsASetting(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{SilenceTimeout: 12 * time.Second})
		c := s.ready()
		spoke := time.Now()
		at, _ := c.end()
		checkExactly(t, "silence", at.Sub(spoke), 12*time.Second)
	})
}

// Pongs and pushes do not answer the request for data.
func TestNoAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := p.accept().upgrade()
		c.expect(opText, syncRequest)
		opened := time.Now()
		c.answerPings(5 * time.Second)
		c.send(patch)
		c.frame(true, opBinary, full)
		c.send(`{"messageType":"news","data":{"eventType":"full"}}`)
		c.answerPings(20 * time.Second)
		at, _ := c.end()
		checkExactly(t, "given up", at.Sub(opened), 30*time.Second)
		s.store.await("patch")
		s.store.awaitError("interrupted", transport.KindNetwork, "did not respond")
		if n := s.store.count("confirmed") + s.store.count("full"); n > 0 {
			t.Errorf("%d calls say that the data came", n)
		}
		s.ready()
	})
}

// A message that is on its way when time is up may be the answer.
func TestAnswerThatArrivesSlowly(t *testing.T) {
	tests := []struct {
		name    string
		message string
		good    bool
	}{
		{"answer", full, true},
		{"push", patch, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				s := start(t, p, stream.Transport{})
				c := p.accept().upgrade()
				c.expect(opText, syncRequest)
				begin := time.Now()
				c.answerPings(20 * time.Second)
				half := len(tt.message) / 2
				c.frame(false, opText, tt.message[:half])
				c.answerPingsFrame(15 * time.Second)
				c.frame(true, opContinuation, tt.message[half:])
				if !tt.good {
					at, _ := c.end()
					checkExactly(t, "given up", at.Sub(begin), 35*time.Second)
					s.store.awaitError("interrupted", transport.KindNetwork, "did not respond")
					return
				}
				e := s.store.await("full")
				checkExactly(t, "applied", e.at.Sub(begin), 35*time.Second)
				c.answerPings(5 * time.Minute)
				if n := s.store.count("interrupted"); n > 0 {
					t.Errorf("interrupted %d times after the answer", n)
				}
			})
		})
	}
}

// answerPingsFrame shows life by ping frames, which may stand between the parts
// of a message.
func (c *peer) answerPingsFrame(d time.Duration) {
	c.p.t.Helper()
	for range d / time.Second {
		time.Sleep(time.Second)
		c.frame(true, opPing, "")
	}
}

// A message may take two minutes, however it is spread over them.
func TestSlowMessage(t *testing.T) {
	const second = time.Second
	tests := []struct {
		name  string
		size  int
		part  int
		every time.Duration
		whole time.Duration // when the message is there; 0 if it never is
		cut   time.Duration // when the client gives up, otherwise
		why   string
	}{
		{"large, in many parts", 1 << 20, 10 << 10, second, 102 * second, 0, ""},
		{"large, in few parts", 20 << 20, 5 << 20, 28 * second, 84 * second, 0, ""},
		{"small, byte by byte", 119, 1, second, 118 * second, 0, ""},
		{"small, with long waits", 100, 25, 29 * second, 87 * second, 0, ""},
		{"too slow", 1 << 20, 8 << 10, second, 0, 120 * second, "too long"},
		{"stopped half-way", 100, 60, 31 * second, 0, 30 * second, "fell silent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				s := start(t, p, stream.Transport{})
				c := s.ready()
				message := bigFull(tt.size)
				begin := time.Now()
				c.write(head(true, opText, len(message)))
				for rest := message; rest != ""; {
					n := min(tt.part, len(rest))
					if _, err := c.conn.Write([]byte(rest[:n])); err != nil {
						break // the client has given up
					}
					if rest = rest[n:]; rest != "" {
						time.Sleep(tt.every)
					}
				}
				if tt.whole > 0 {
					e := s.store.await("full")
					checkExactly(t, "applied", e.at.Sub(begin), tt.whole)
					if string(e.message) != message {
						t.Error("the message has changed on its way")
					}
					return
				}
				at, _ := c.end()
				checkExactly(t, "given up", at.Sub(begin), tt.cut)
				s.store.awaitError("interrupted", transport.KindNetwork, tt.why)
			})
		})
	}
}

// The time of a message begins with its first byte, not with the one before.
func TestSlowMessagesInARow(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := s.ready()
		for range 5 {
			half := len(patch) / 2
			c.frame(false, opText, patch[:half])
			c.answerPingsFrame(100 * time.Second)
			c.frame(true, opContinuation, patch[half:])
		}
		for range 5 {
			s.store.await("patch")
		}
		if n := s.store.count("interrupted"); n > 0 {
			t.Errorf("interrupted %d times", n)
		}
	})
}

// A proxy that swallows what it is sent is no reason to hang.
func TestPlatformThatDoesNotRead(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := p.accept()
		c.accepted()
		opened := time.Now()
		e := s.store.await("interrupted")
		if wait := e.at.Sub(opened); wait > 30*time.Second {
			t.Errorf("given up after %v", wait)
		}
		if !strings.HasPrefix(e.err.Error(), string(transport.KindNetwork)) {
			t.Errorf("got %q", e.err)
		}
		s.ready()
	})
}
