package stream_test

import (
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// However a connection ends, there is a next one, which asks for everything
// with a token of its own.
func TestEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(c *peer)
		kind transport.Kind
		text string
	}{
		{"1000", func(c *peer) { c.closeWith(1000, "bye") }, transport.KindClosed, "1000"},
		{"1001", func(c *peer) { c.closeWith(1001, "") }, transport.KindUnavailable, "code 1001: it is shutting down"},
		{"1001 of a relay", func(c *peer) { c.closeWith(1001, "too many websockets") }, transport.KindUnavailable, "code 1001: too many websockets"},
		{"1001 with a secret", func(c *peer) { c.closeWith(1001, "too many websockets s3cret") }, transport.KindUnavailable, "code 1001: it is shutting down"},
		{"1006", func(c *peer) { c.cut() }, transport.KindNetwork, ""},
		{"reset", func(c *peer) { c.reset() }, transport.KindNetwork, ""},
		{"1011", func(c *peer) { c.closeWith(1011, "") }, transport.KindUnavailable, "code 1011: it had an internal error, such as when FeatBit cannot reach its data store"},
		{"1012", func(c *peer) { c.closeWith(1012, "") }, transport.KindUnavailable, "code 1012: it is restarting"},
		{"1013", func(c *peer) { c.closeWith(1013, "") }, transport.KindUnavailable, "code 1013: it is overloaded"},
		{"1014", func(c *peer) { c.closeWith(1014, "") }, transport.KindUnavailable, "code 1014: a proxy cannot reach it"},
		{"4000", func(c *peer) { c.closeWith(4000, "") }, transport.KindClosed, "4000"},
		{"4003", func(c *peer) { c.closeWith(4003, "") }, transport.KindRefused, "4003"},
		{"no code", func(c *peer) { c.frame(true, opClose, "") }, transport.KindClosed, "1005"},
		{"code that is not allowed", func(c *peer) { c.closeWith(1006, "") }, transport.KindNetwork, ""},
		{"half a code", func(c *peer) { c.frame(true, opClose, "\x03") }, transport.KindNetwork, ""},
		{"reserved bits", func(c *peer) { c.write([]byte{0xf1, 0}) }, transport.KindNetwork, ""},
		{"unknown frame", func(c *peer) { c.frame(true, 0x3, "") }, transport.KindNetwork, ""},
		{"continuation of nothing", func(c *peer) { c.frame(true, opContinuation, full) }, transport.KindNetwork, ""},
		{"message inside a message", func(c *peer) {
			c.frame(false, opText, "{")
			c.send(full)
		}, transport.KindNetwork, ""},
		{"inside a message", func(c *peer) {
			c.frame(false, opText, "{")
			c.cut()
		}, transport.KindNetwork, ""},
		{"inside a frame", func(c *peer) {
			c.write(append(head(true, opText, 1000), "{"...))
			c.cut()
		}, transport.KindNetwork, ""},
		{"after some of a frame", func(c *peer) { // as much as is read at once
			c.write(append(head(true, opText, 1000), strings.Repeat(" ", 512)...))
			c.cut()
		}, transport.KindNetwork, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := onLoopback(t)
			s := start(t, p, quick())
			c := s.ready()
			tt.end(c)
			s.store.awaitError("interrupted", tt.kind, tt.text)
			next := s.ready() // expects a request for everything
			if next.token() == c.token() {
				t.Error("the token is that of the connection before")
			}
			if n := s.store.count("off"); n > 0 {
				t.Error("the session gave up")
			}
		})
	}
}

// The client answers a close frame before it hangs up.
func TestCloseIsAnswered(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	c := s.ready()
	c.closeWith(1012, "service restart")
	if _, bye := c.end(); bye.payload != "\x03\xf4service restart" {
		t.Errorf("got close frame %q", bye.payload)
	}
	s.ready()
}
