package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// grace is how long a platform may take to answer a close frame.
const grace = 500 * time.Millisecond

// normalClose is the payload of the close frame when the application closes.
const normalClose = "\x03\xe8normal close"

// goingAway is that when the data is bad.
const goingAway = "\x03\xe9client going away"

// Closing takes no longer than it may in whatever state the connection is, also
// if the platform does not react.
func TestClose(t *testing.T) {
	tests := []struct {
		name string
		// script brings the session into the state. The peer it returns, if any,
		// must get a close frame.
		script func(t *testing.T, s *session) *peer
		want   time.Duration
	}{
		{"dialling", func(t *testing.T, s *session) *peer {
			s.p.onDial = func(ctx context.Context) error {
				// net/http lets a dial go on, and a net.Dialer has a timeout.
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				<-ctx.Done()
				return ctx.Err()
			}
			t.Cleanup(func() { time.Sleep(time.Second) })
			s.run()
			return nil
		}, 0},
		{"handshake not answered", func(_ *testing.T, s *session) *peer {
			s.run()
			s.p.accept()
			return nil
		}, 0},
		{"handshake half answered", func(_ *testing.T, s *session) *peer {
			s.run()
			s.p.accept().respond("HTTP/1.1 101 Switching Protocols", "Connection: Upgr")
			return nil
		}, 0},
		{"refusal half told", func(_ *testing.T, s *session) *peer {
			s.run()
			s.p.accept().respond("HTTP/1.1 403 Forbidden", "Content-Length: 100", "", "because")
			return nil
		}, 0},
		{"upgrade without a websocket", func(_ *testing.T, s *session) *peer {
			s.run()
			s.p.accept().respond("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
				"Sec-WebSocket-Accept: bm8gd2F5", "", "")
			return nil
		}, 0},
		{"connected, platform answers", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			answered := make(chan frame, 1)
			go func() {
				f := <-c.frames
				if f.op == opClose {
					_, _ = c.conn.Write(append(head(true, opClose, len(f.payload)), f.payload...))
				}
				answered <- f
				close(answered)
			}()
			return &peer{p: c.p, frames: answered}
		}, 0},
		{"connected, platform silent", func(_ *testing.T, s *session) *peer {
			s.run()
			return s.ready()
		}, grace},
		{"waiting for data", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.p.accept().upgrade()
			c.expect(opText, syncRequest)
			return c
		}, grace},
		{"inside a frame", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			c.write(append(head(true, opText, 1000), "{"...))
			return c
		}, grace},
		{"inside a frame's head", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			c.write(head(true, opText, 1000)[:1])
			return c
		}, grace},
		{"between the parts of a message", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			c.frame(false, opText, "{")
			return c
		}, grace},
		{"platform does not read", func(_ *testing.T, s *session) *peer {
			s.run()
			s.p.accept().accepted()
			return nil
		}, grace},
		{"platform does not read any more", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.p.accept()
			c.accepted()
			if f, err := readFrame(c.buffer); err != nil || f.payload != syncRequest {
				c.p.t.Errorf("got %q, %v", f.payload, err)
			}
			c.send(full)
			s.store.await("confirmed")
			time.Sleep(10*time.Second + time.Millisecond) // a ping is being written
			return nil
		}, grace},
		{"platform does not read pong frames", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.p.accept()
			c.accepted()
			if _, err := readFrame(c.buffer); err != nil {
				c.p.t.Error(err)
			}
			c.frame(true, opPing, "are you there?")
			return nil
		}, grace},
		{"message too large, platform stops", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			_, _ = c.conn.Write(append(head(true, opText, 10000), strings.Repeat("x", 5000)...)) // not all is read
			return nil
		}, 0},
		{"bad data, platform silent", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			c.send("junk")
			time.Sleep(grace - 100*time.Millisecond)
			return nil
		}, 100 * time.Millisecond},
		{"bad data, platform inside a frame", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			c.write(append(append(head(true, opText, 4), "junk"...), append(head(true, opText, 1000), "{"...)...))
			time.Sleep(grace - 100*time.Millisecond)
			return nil
		}, 100 * time.Millisecond},
		{"applying a message", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			s.store.onApply = func() error {
				time.Sleep(800 * time.Millisecond) // longer than the grace
				return nil
			}
			c.send(patch)
			return c
		}, 800 * time.Millisecond},
		{"backing off", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.ready()
			c.cut()
			s.store.await("interrupted")
			return nil
		}, 0},
		{"refused", func(_ *testing.T, s *session) *peer {
			s.run()
			c := s.p.accept().upgrade()
			c.closeWith(4003, "")
			s.store.await("off")
			return nil
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := open(t, inMemory(t), stream.Transport{MaxMessage: 4000})
				c := tt.script(t, s)
				synctest.Wait()
				checkExactly(t, "Run returned after", s.close(), tt.want)
				checkNothingRuns(t)
				if c != nil {
					if _, bye := c.end(); bye.payload != normalClose {
						t.Errorf("got close frame %q, want %q", bye.payload, normalClose)
					}
				}
				synctest.Wait()
				if n := len(s.p.conns); n > 0 {
					t.Errorf("%d more attempts to connect", n)
				}
			})
		})
	}
}

// A client that is being closed takes no message any more, before the context
// of Run has ended. That is no fault of the platform's.
func TestCloseWhileMessagesArrive(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		c := s.ready()
		s.store.onApply = func() error { return errors.New("closed") }
		c.send(patch)
		synctest.Wait()
		s.close()
		if _, bye := c.end(); bye.payload != normalClose {
			t.Errorf("got close frame %q, want %q", bye.payload, normalClose)
		}
		if n := s.store.count("off"); n > 0 {
			t.Error("the session gave up")
		}
	})
}

// Messages that arrive while the connection is being closed are thrown away.
func TestCloseInAStreamOfMessages(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		c := s.ready()
		go func() {
			for {
				b := append(head(true, opText, len(patch)), patch...)
				if _, err := c.conn.Write(b); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		for range 100 {
			s.store.await("patch")
		}
		if took := s.close(); took > grace {
			t.Errorf("Run returned after %v", took)
		}
		checkNothingRuns(t)
		time.Sleep(10 * time.Millisecond)
	})
}

// After bad data nothing keeps the client from connecting anew, not even a
// platform that stops half-way through a message.
func TestReconnectFromAStall(t *testing.T) {
	tests := []struct {
		name  string
		bytes string
		kind  transport.Kind
	}{
		{"after bad data", string(head(true, opText, 4)) + "junk", transport.KindData},
		{"inside a message after bad data", string(head(true, opText, 4)) + "junk" + string(head(true, opText, 1000)) + "{", transport.KindData},
		{"inside a message that is too large", string(head(true, opText, 10000)) + strings.Repeat("x", 5000), transport.KindData},
		{"after the head of a frame that is not allowed", "\x93\x00", transport.KindNetwork},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := start(t, inMemory(t), stream.Transport{MaxMessage: 4000})
				c := s.ready()
				begin := time.Now()
				_, _ = c.conn.Write([]byte(tt.bytes)) // not all need be read
				e := s.store.awaitError("interrupted", tt.kind, "")
				if wait := e.at.Sub(begin); wait > grace {
					t.Errorf("told after %v", wait)
				}
				s.ready()
			})
		})
	}
}
