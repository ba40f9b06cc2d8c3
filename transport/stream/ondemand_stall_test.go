package stream_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// Whatever a platform does but answer, it costs a unit of work Budget at most,
// once; the attempt is over soon after ConnectTimeout, leaves nothing, and the
// next succeeds.
func TestOnDemandStalls(t *testing.T) {
	forever := func(c *peer, message func() []byte) {
		go func() {
			for {
				if _, err := c.conn.Write(message()); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
	}
	text := func(s string) func() []byte {
		return func() []byte { return append(head(true, opText, len(s)), s...) }
	}
	tests := []struct {
		name   string
		script func(c *peer) // nil if there is no connection
	}{
		{"dialling", nil},
		{"handshake not answered", func(*peer) {}},
		{"handshake half answered", func(c *peer) {
			c.respond("HTTP/1.1 101 Switching Protocols", "Connection: Upgr")
		}},
		{"handshake answered byte by byte", func(c *peer) { forever(c, func() []byte { return []byte("H") }) }},
		{"refusal half told", func(c *peer) {
			c.respond("HTTP/1.1 502 Bad Gateway", "Content-Length: 100", "", "because")
		}},
		{"page without end", func(c *peer) {
			c.respond("HTTP/1.1 200 OK", "", "")
			forever(c, func() []byte { return []byte("<p>Please sign in.") })
		}},
		{"upgrade without a websocket", func(c *peer) {
			c.respond("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
				"Sec-WebSocket-Accept: bm8gd2F5", "", "")
		}},
		{"reads nothing", func(c *peer) { c.accepted() }},
		{"silent", func(c *peer) { c.upgrade() }},
		{"frame's head", func(c *peer) { c.upgrade().write(head(true, opText, 1000)[:1]) }},
		{"inside a frame", func(c *peer) { c.upgrade().write(append(head(true, opText, 1000), "{"...)) }},
		{"inside a message", func(c *peer) { c.upgrade().frame(false, opText, "{") }},
		{"byte by byte", func(c *peer) {
			c.upgrade().write(head(true, opText, 1000))
			forever(c, func() []byte { return []byte(" ") })
		}},
		{"fragments without end", func(c *peer) {
			c.upgrade().frame(false, opText, "{")
			forever(c, func() []byte { return append(head(false, opContinuation, 1), ' ') })
		}},
		{"pongs", func(c *peer) { forever(c.upgrade(), text(pong)) }},
		{"pushes", func(c *peer) { forever(c.upgrade(), text(patch)) }},
		{"unknown messages", func(c *peer) { forever(c.upgrade(), text(`{"messageType":"news"}`)) }},
		{"binary messages", func(c *peer) { forever(c.upgrade(), func() []byte { return head(true, opBinary, 0) }) }},
		{"ping frames", func(c *peer) { forever(c.upgrade(), func() []byte { return head(true, opPing, 0) }) }},
		{"ping frames, reads nothing", func(c *peer) {
			c.accepted()
			forever(c, func() []byte { return head(true, opPing, 0) })
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				p.onDial = func(ctx context.Context) error {
					if tt.script != nil {
						return nil
					}
					// net/http lets a dial go on, and a net.Dialer has a timeout.
					ctx, cancel := context.WithTimeout(ctx, 11*time.Second)
					defer cancel()
					<-ctx.Done()
					return ctx.Err()
				}
				s := onDemand(t, p, stream.Transport{})
				began := time.Now()
				done := s.refresh()
				load, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				loaded := s.load(load)
				if tt.script != nil {
					tt.script(p.accept())
				}
				o := s.wait(done)
				checkExactly(t, "Refresh", o.took, 500*time.Millisecond)
				for range 4 {
					s.checkNotTried()
					time.Sleep(100 * time.Millisecond)
				}
				o = s.wait(loaded)
				checkExactly(t, "Load", o.took, 3*time.Second)
				if o.err == nil {
					t.Error("Load succeeded")
				}
				e := s.store.await("interrupted")
				if took := e.at.Sub(began); took > 10*time.Second+grace {
					t.Errorf("given up after %v", took)
				}
				s.checkNotTried()
				time.Sleep(time.Second) // the dial, and the pause after the failure
				synctest.Wait()
				checkNothingRuns(t, "net/http.")
				p.onDial = nil
				s.refreshed()
				if n := s.store.count("interrupted"); n != 1 {
					t.Errorf("interrupted %d times, want 1", n)
				}
				s.checkQuiet()
			})
		})
	}
}
