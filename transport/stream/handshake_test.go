package stream_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// quick are settings for tests on a real clock.
func quick() stream.Transport {
	return stream.Transport{FirstRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond}
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/prefix", "/two/parts"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			p := onLoopback(t)
			p.url += prefix
			s := start(t, p, quick())
			c := p.accept()
			r := c.request
			if r.Method != http.MethodGet || r.URL.Path != prefix+"/streaming" {
				t.Errorf("got %s %s, want GET %s/streaming", r.Method, r.URL.Path, prefix)
			}
			query, err := url.ParseQuery(r.URL.RawQuery)
			if err != nil {
				t.Fatal(err)
			}
			if len(query) != 3 || query.Get("type") != "server" || query.Get("version") != "2" {
				t.Errorf("got query %s, want a token, type=server and version=2", r.URL.RawQuery)
			}
			if strings.ContainsAny(r.URL.RawQuery, "+/ ") {
				t.Errorf("the query is not percent-encoded: %s", r.URL.RawQuery)
			}
			text, at := readToken(t, query.Get("token"))
			if want := strings.TrimRight(secret, "="); text != want {
				t.Errorf("the token stands for %q, want %q", text, want)
			}
			if age := time.Since(at); age < -time.Millisecond || age > p.timeout {
				t.Errorf("the token is %v old", age)
			}
			if got := r.Header.Get("User-Agent"); got != httpclient.UserAgent() {
				t.Errorf("got User-Agent %q", got)
			}
			if got := r.Header.Get("Sec-WebSocket-Extensions") + r.Header.Get("Sec-WebSocket-Protocol"); got != "" {
				t.Errorf("asked for %q, want no extension and no protocol", got)
			}
			c.upgrade().expect(opText, syncRequest)
			c.send(full)
			s.store.await("confirmed")
		})
	}
}

// Each attempt has a token of its own.
func TestTokensAreFresh(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		start(t, p, stream.Transport{})
		seen := make(map[string]bool)
		for range 20 {
			c := p.accept()
			if at := c.tokenTime(); !at.Equal(c.at.Truncate(time.Millisecond)) {
				t.Errorf("got a token of %v at %v", at, c.at)
			}
			if seen[c.token()] {
				t.Errorf("got a token again: %s", c.token())
			}
			seen[c.token()] = true
			c.refuse("503 Service Unavailable")
		}
	})
}

func TestHandshakeFailures(t *testing.T) {
	t.Parallel()
	const upgrade = "HTTP/1.1 101 Switching Protocols\r\n"
	html := "<!DOCTYPE html><title>Sign in</title>" + strings.Repeat("<p>Welcome to our network.", 1000)
	tests := []struct {
		name   string
		answer func(c *peer) string
		kind   transport.Kind
		text   string
	}{
		{"403", func(*peer) string { return "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nshoo" }, transport.KindWebSocket, "403 Forbidden"},
		{"426", func(*peer) string {
			return "HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"
		}, transport.KindWebSocket, "426"},
		{"502", func(*peer) string { return "HTTP/1.1 502 Bad Gateway\r\n\r\n" + html }, transport.KindWebSocket, "502"},
		{"a page", func(*peer) string {
			return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html
		}, transport.KindWebSocket, "200 OK"},
		{"status that quotes the request", func(c *peer) string {
			return "HTTP/1.1 400 Bad request " + c.request.RequestURI + "\r\nContent-Length: 0\r\n\r\n"
		}, transport.KindWebSocket, "400 Bad Request"},
		{"status that has no name", func(*peer) string {
			return "HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n"
		}, transport.KindWebSocket, "599"},
		{"wrong Sec-WebSocket-Accept", func(*peer) string {
			return upgrade + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: bm8gd2F5\r\n\r\n"
		}, transport.KindWebSocket, "Sec-WebSocket-Accept"},
		{"no Upgrade", func(*peer) string { return upgrade + "Connection: Upgrade\r\n\r\n" }, transport.KindWebSocket, "Upgrade"},
		{"extension that was not requested", func(c *peer) string {
			return upgrade + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate, x\r\n\r\n"
		}, transport.KindWebSocket, ""},
		{"echo", func(c *peer) string {
			return "GET " + c.request.RequestURI + " HTTP/1.1\r\nHost: x\r\n\r\n"
		}, transport.KindNetwork, "not shown"},
		{"junk", func(*peer) string { return "SSH-2.0-OpenSSH_9.6\r\n" }, transport.KindNetwork, ""},
		{"redirect to nowhere", func(c *peer) string {
			return "HTTP/1.1 302 Found\r\nLocation: http://[oops" + c.request.RequestURI + "\r\nContent-Length: 0\r\n\r\n"
		}, transport.KindNetwork, "not shown"},
		{"nothing", func(*peer) string { return "" }, transport.KindNetwork, ""},
		{"half an answer", func(*peer) string { return "HTTP/1.1 101 Switch" }, transport.KindNetwork, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := onLoopback(t)
			s := start(t, p, quick())
			c := p.accept()
			// The client may have seen enough before all is written.
			_, _ = c.conn.Write([]byte(tt.answer(c)))
			c.cut()
			s.store.awaitError("interrupted", tt.kind, tt.text)
			s.ready()
			if n := s.store.count("off"); n > 0 {
				t.Error("the session gave up")
			}
		})
	}
}

// The application's transport may put the URL into its errors.
func TestErrorWithURL(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		p.http.Transport = testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%s %s: no", r.Method, r.URL)
		})
		s := start(t, p, stream.Transport{})
		s.store.awaitError("interrupted", transport.KindNetwork, "not shown")
	})
}

// A transport of the application's own need not know about upgrades.
func TestUpgradeWithoutConnection(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		p.http.Transport = testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}, Body: http.NoBody}, nil
		})
		s := start(t, p, stream.Transport{})
		s.store.awaitError("interrupted", transport.KindWebSocket, "")
	})
}

func TestReset(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	p.accept().reset()
	s.store.awaitError("interrupted", transport.KindNetwork, "")
	s.ready()
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := onLoopback(t)
	p.url = "ws://" + listener.Addr().String()
	_ = listener.Close()
	s := start(t, p, quick())
	for range 5 {
		s.store.awaitError("interrupted", transport.KindNetwork, "refused")
	}
}

// The token is for the configured host only.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			elsewhere := onLoopback(t)
			p := onLoopback(t)
			s := start(t, p, quick())
			c := p.accept()
			c.refuse(status, "Location: http"+strings.TrimPrefix(elsewhere.url, "ws")+c.request.RequestURI)
			s.store.awaitError("interrupted", transport.KindWebSocket, status)
			s.ready()
			if n := len(elsewhere.conns); n > 0 {
				t.Errorf("%d connections to another host", n)
			}
		})
	}
}

// TestHandshakeOverNewConnection: an attempt does not use the connection of the
// one before, which may be the reason why that failed.
func TestHandshakeOverNewConnection(t *testing.T) {
	t.Parallel()
	p := onLoopback(t)
	s := start(t, p, quick())
	c := p.accept()
	c.respond("HTTP/1.1 503 Service Unavailable", "Content-Length: 0", "", "")
	s.store.awaitError("interrupted", transport.KindWebSocket, "503")
	if _, err := http.ReadRequest(c.buffer); err == nil {
		t.Error("the next attempt came over the same connection")
	}
	s.ready()
}
