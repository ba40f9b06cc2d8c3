package servertest

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// Secrets of other environments, and one with a typo of the environment of FeatBit.
const (
	classicOther = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fN19fOF9fOV9fZGVmYXVsdF85YzBkZQ=="
	featBitOther = "PC0eD1pLeGmHlqW0w9Lh8Aqqqqqru7zMzd3e7u7u7u7g"
	featBitTypo  = "QC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"
)

// testMessages: what a client gets for its version, on one connection.
func testMessages(t *testing.T, s *suite) {
	srv := s.open(t, ffctest.Flag("a").Version(10), ffctest.Flag("b").Version(30), ffctest.Flag("c").Version(20), ffctest.Segment("s").Version(25), ffctest.Segment("t").Version(35))
	c := srv.Dial(t)
	for _, tt := range []struct{ name, request, want string }{
		{"zero", `{"messageType":"data-sync","data":{"timestamp":0}}`, "full b c a | t s"},
		{"missing", `{"messageType":"data-sync","data":{}}`, "full b c a | t s"},
		{"strictly newer", `{"messageType":"data-sync","data":{"timestamp":20}}`, "patch b | t s"},
		{"one newer", `{"messageType":"data-sync","data":{"timestamp":30}}`, "patch | t"},
		{"nothing newer", `{"messageType":"data-sync","data":{"timestamp":35}}`, "patch |"},
		{"ping", `{"messageType":"ping","data":{}}`, s.pong},
		{"ping with null", `{"messageType":"ping","data":null}`, s.pong},
		{"ping with data", `{"messageType":"ping","data":{"timestamp":0}}`, s.pong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.Send(tt.request)
			c.Expect(tt.want)
		})
	}
}

// testIgnoredMessages: what is not understood gets no response.
func testIgnoredMessages(t *testing.T, s *suite) {
	srv := s.open(t, ffctest.Flag("a"))
	c := srv.Dial(t)
	frames := []string{
		"", "{", "null", "[]", `"ping"`, "{}", `{"messageType":null}`, `{"messageType":1}`,
		`{"messageType":"Ping","data":null}`,
		`{"MessageType":"ping","data":null}`,
		`{"messageType":"echo","data":{}}`,
		`{"messageType":"DATA-SYNC","data":{"timestamp":0}}`,
		`{"messageType":"data-sync"}`,
		`{"messageType":"data-sync","data":null}`,
		`{"messageType":"data-sync","data":0}`,
		`{"messageType":"data-sync","data":{"timestamp":-1}}`,
		`{"messageType":"data-sync","data":{"timestamp":null}}`,
		`{"messageType":"data-sync","data":{"timestamp":"0"}}`,
		`{"messageType":"data-sync","data":{"timestamp":1.5}}`,
		`{"messageType":"data-sync","data":{"timestamp":NaN}}`,
		`{"messageType":"ping","data":null} `[:33],
	}
	for _, frame := range append(frames, s.ignored...) {
		c.Send(frame)
		c.Ping()
		c.Expect(s.pong)
		// A second ping: had the frame been answered, its answer would be here.
		c.Ping()
		c.Expect(s.pong)
	}
	if err := c.WS.Write(testkit.Within(t), websocket.MessageBinary, []byte(`{"messageType":"ping","data":null}`)); err != nil {
		t.Fatal(err)
	}
	c.Sync(0)
	c.Expect("full a |")
}

// testPushes: clients that have the data get each change in a message of its own.
func testPushes(t *testing.T, s *suite) {
	srv := s.open(t, ffctest.Flag("a").Version(1))
	first, second := srv.Dial(t), srv.Dial(t)
	for _, c := range []*Client{first, second} {
		c.Sync(0)
		c.Expect("full a |")
	}
	srv.Put(ffctest.Flag("b"), ffctest.Segment("s"))
	for _, c := range []*Client{first, second} {
		c.Expect("patch b |")
		c.Expect("patch | s")
	}
	srv.Archive("b")
	for _, c := range []*Client{first, second} {
		c.Expect("patch -b |")
	}
	srv.Put(ffctest.Flag("b").Off())
	for _, c := range []*Client{first, second} {
		c.Expect("patch b |")
		c.Sync(0)
		c.Expect("full b a | s")
	}
}

// testTokens: which queries a websocket may have. Every handshake is accepted first.
func testTokens(t *testing.T, s *suite) {
	srv := s.open(t)
	// A query is made when it is used: parallel subtests can start much later than this
	// function, and a token is valid for 30 s.
	aged := func(age time.Duration) func() url.Values {
		return func() url.Values { return srv.Query(time.Now().Add(-age)) }
	}
	with := func(name string, value func() string) func() url.Values {
		return func() url.Values {
			q := srv.Query(time.Now())
			q.Set(name, value())
			return q
		}
	}
	without := func(name string) func() url.Values {
		return func() url.Values {
			q := srv.Query(time.Now())
			q.Del(name)
			return q
		}
	}
	text := func(s string) func() string { return func() string { return s } }
	tokenOf := func(secret string) func() string {
		return func() string { return Token(secret, time.Now()) }
	}
	type row struct {
		name string
		q    func() url.Values
		ok   bool
	}
	tests := []row{
		{"fresh", aged(0), true},
		{"without version", without("version"), true},
		{"empty version", with("version", text("")), true},
		{"version 1", with("version", text("1")), true},
		{"20 s old", aged(20 * time.Second), true},
		{"20 s early", aged(-20 * time.Second), true},
		{"31 s old", aged(31 * time.Second), false},
		{"no type", without("type"), false},
		{"type in upper case", with("type", text("Server")), false},
		{"unknown type", with("type", text("relay-proxy")), false},
		{"no token", without("token"), false},
		{"blank token", with("token", text("  ")), false},
		{"secret as token", with("token", text(srv.Secret)), false},
		{"other environment", with("token", tokenOf(s.other)), false},
		{"secret of the other platform", with("token", tokenOf(s.foreign)), false},
		{"cut short", with("token", func() string { return Token(srv.Secret, time.Now())[:40] }), false},
	}
	tests = append(tests,
		row{"a minute early", aged(-time.Minute), !s.strict},
		row{"an hour early", aged(-time.Hour), !s.strict},
		row{"other version", with("version", text("3")), !s.strict})
	if s.strict {
		tests = append(tests, row{"client with the secret of a server", with("type", text("client")), false})
	}
	if s.typo != "" {
		tests = append(tests, row{"typo in the secret", with("token", tokenOf(s.typo)), false})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, resp, err := srv.TryDial(t, tt.q())
			if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("dial: %v; every handshake is accepted first", err)
			}
			if tt.ok {
				c.Ping()
				c.Expect(s.pong)
			} else {
				c.ExpectEnd(4003, `reason = "invalid request, close by server"`)
			}
		})
	}
}

// testHandshakes: half an upgrade is a request for an unknown path.
func testHandshakes(t *testing.T, s *suite) {
	srv := s.open(t)
	whole := map[string]string{
		"Connection": "keep-alive, Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	}
	for missing := range whole {
		header := make(http.Header)
		for name, value := range whole {
			if name != missing {
				header.Set(name, value)
			}
		}
		a, err := Try(testkit.Within(t), http.MethodGet, fmt.Sprint(srv.URL, "/streaming?", srv.Query(time.Now()).Encode()), "", header)
		if err != nil || a.Status != http.StatusNotFound {
			t.Errorf("without %s: got %d, %v, want 404", missing, a.Status, err)
		}
	}
}
