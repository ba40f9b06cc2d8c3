package stream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func TestFragments(t *testing.T) {
	t.Parallel()
	text := strings.Replace(full, `"segments"`, `"name":"Größe 尺寸","segments"`, 1)
	tests := []struct {
		name string
		send func(c *peer)
	}{
		{"byte by byte", func(c *peer) {
			c.frame(false, opText, text[:1])
			for i := 1; i < len(text)-1; i++ {
				c.frame(false, opContinuation, text[i:i+1])
			}
			c.frame(true, opContinuation, text[len(text)-1:])
		}},
		{"empty first and last", func(c *peer) {
			c.frame(false, opText, "")
			c.frame(false, opContinuation, text)
			c.frame(true, opContinuation, "")
		}},
		{"control frames in between", func(c *peer) {
			c.frame(false, opText, text[:20])
			c.frame(true, opPing, "in between")
			c.frame(true, opPong, "")
			c.frame(false, opContinuation, text[20:40])
			c.frame(true, opPing, "")
			c.frame(true, opContinuation, text[40:])
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := onLoopback(t)
			s := start(t, p, quick())
			c := p.accept().upgrade()
			c.expect(opText, syncRequest)
			tt.send(c)
			if e := s.store.await("full"); string(e.message) != text {
				t.Errorf("got %s, want %s", e.message, text)
			}
			s.store.await("confirmed")
		})
	}
}

func TestPingFramesAreAnswered(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	c := s.ready()
	c.frame(true, opPing, "are you there?")
	c.expect(opPong, "are you there?")
	c.frame(true, opPing, "")
	c.expect(opPong, "")
}

func TestLargeMessage(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	c := p.accept().upgrade()
	c.expect(opText, syncRequest)
	message := bigFull(20 << 20)
	c.send(message)
	if e := s.store.await("full"); string(e.message) != message {
		t.Errorf("the message of %d bytes has changed on its way; got %d bytes", len(message), len(e.message))
	}
	s.store.await("confirmed")
}

// The store keeps what it was given.
func TestMessagesAreNotReused(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	c := s.ready()
	var sent []string
	for _, size := range []int{300, 200, 100 << 10, 300, 90 << 10, 100} {
		sent = append(sent, bigFull(size))
		c.send(sent[len(sent)-1])
	}
	var got []event
	for range sent {
		got = append(got, s.store.await("full"))
	}
	for i, want := range sent {
		if string(got[i].message) != want {
			t.Errorf("message %d of %d bytes has changed", i, len(want))
		}
	}
}

func TestMaxMessage(t *testing.T) {
	t.Parallel()
	const limit = 1000
	frame := func(final bool, op byte, payload string) string {
		return string(head(final, op, len(payload))) + payload
	}
	tests := []struct {
		name  string
		bytes string
		fits  bool
	}{
		{"as much", frame(true, opText, bigFull(limit)), true},
		{"one more", frame(true, opText, bigFull(limit+1)), false},
		{"much more", frame(true, opText, bigFull(1<<20)), false},
		{"announced only", string(head(true, opText, 1<<30)) + bigFull(limit+1), false},
		{"in parts", frame(false, opText, bigFull(limit)[:limit/2]) + frame(true, opContinuation, bigFull(limit)), false},
		{"in binary", frame(true, opBinary, strings.Repeat("x", limit+1)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := onLoopback(t)
			settings := quick()
			settings.MaxMessage = limit
			s := start(t, p, settings)
			c := p.accept().upgrade()
			c.expect(opText, syncRequest)
			_, _ = c.conn.Write([]byte(tt.bytes)) // not all need be read
			if tt.fits {
				s.store.await("full")
				return
			}
			s.store.awaitError("interrupted", transport.KindData, "MaxMessage, which is 1000 bytes")
			s.ready()
			if n := s.store.count("full"); n != 1 {
				t.Errorf("%d messages were applied, want the small one only", n)
			}
		})
	}
}

// A message that is not JSON ends the connection.
func TestBadData(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"", " ", "{", "junk", "[}", `{"messageType"}`, `{"a":"b"`, "\x00\xff",
		`{"messageType":"data-sync","unusable"}`,
	} {
		for _, synced := range []bool{false, true} {
			name := message
			if synced {
				name += " after data"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := onLoopback(t)
				s := start(t, p, quick())
				c := p.accept().upgrade()
				c.expect(opText, syncRequest)
				if synced {
					c.send(full)
					s.store.await("confirmed")
				}
				c.send(message)
				c.expect(opClose, goingAway)
				c.closeWith(1001, "client going away")
				s.store.awaitError("interrupted", transport.KindData, "")
				s.ready()
				if n := s.store.count("off"); n > 0 {
					t.Error("the session gave up")
				}
			})
		}
	}
}

// Messages that cannot be used are skipped, and say nothing about the data.
func TestOtherMessages(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	c := p.accept().upgrade()
	c.expect(opText, syncRequest)
	for _, message := range []string{
		"{}", `{"messageType":null}`, `{"messageType":1}`, `{"messageType":["data-sync"]}`, `{"data":{"eventType":"full"}}`,
		`{"messageType":"news","data":{"eventType":"full"}}`, `{"messageType":"Data-Sync","data":{"eventType":"full"}}`, pong,
	} {
		c.send(message)
	}
	c.frame(true, opBinary, full)
	c.frame(true, opBinary, "junk")
	c.send(patch)
	if e := s.store.await("patch"); e.asked != 0 {
		t.Errorf("the patch came with mark %d, want 0", e.asked)
	}
	if n := s.store.count("confirmed") + s.store.count("full") + s.store.count("interrupted"); n > 0 {
		t.Errorf("the store was told %d other things", n)
	}
	c.send(full)
	s.store.await("confirmed")
}

// What is pushed before the answer is stored, and does not make the data the
// platform's. The mark is that of before the request.
func TestPatchBeforeFull(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	for asked := range transport.Mark(3) {
		c := p.accept().upgrade()
		c.expect(opText, syncRequest)
		c.send(patch)
		c.send(patch)
		for range 2 {
			if e := s.store.await("patch"); e.asked != 3*asked {
				t.Errorf("got mark %d, want %d", e.asked, 3*asked)
			}
		}
		if n := s.store.count("confirmed"); n != int(asked) {
			t.Errorf("confirmed %d times, want %d", n, asked)
		}
		c.send(full)
		if e := s.store.await("full"); e.asked != 3*asked {
			t.Errorf("got mark %d, want %d", e.asked, 3*asked)
		}
		s.store.await("confirmed")
		c.cut()
	}
}

// While the connection is good, whatever arrives says that the data is current.
func TestConfirm(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := s.ready()
		for _, message := range []string{pong, patch, full, pong} {
			c.send(message)
			s.store.await("confirmed")
		}
		c.frame(true, opPing, "")
		time.Sleep(time.Second)
		if n := s.store.count("confirmed"); n != 5 {
			t.Errorf("confirmed %d times, want 5: a ping frame may come from a proxy", n)
		}
	})
}

// TestRelayedConnection: on the connection of a relay everything that arrives
// confirms the data as of the time that the handshake or a pong has named last.
func TestRelayedConnection(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := p.accept().upgrade("Ffc-As-Of: 1999-12-31T23:00:00.000Z")
		c.expect(opText, syncRequest)
		for _, step := range []struct{ message, want string }{
			{full, "23:00:00Z"},
			{patch, "23:00:00Z"},
			{`{"messageType":"pong","data":null,"asOf":"1999-12-31T23:00:10.000Z"}`, "23:00:10Z"},
			{patch, "23:00:10Z"},
			{`{"messageType":"pong","data":{},"asOf":"1999-12-31T22:00:00.000Z"}`, "23:00:10Z"},
			{`{"messageType":"pong","asOf":7}`, "23:00:10Z"},
			{pong, "23:00:10Z"},
		} {
			c.send(step.message)
			s.store.await("confirmed as of 1999-12-31T" + step.want)
		}
		if n := s.store.count("confirmed"); n != 0 {
			t.Errorf("the data was confirmed as of now %d times", n)
		}
	})
}
