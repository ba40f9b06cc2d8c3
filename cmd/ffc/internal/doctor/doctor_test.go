package doctor_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/doctor"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// serve starts a server on loopback and returns its address.
func serve(t *testing.T, s *http.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l) // always ErrServerClosed, after Close
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return l.Addr().String()
}

// TestURL: where endpoints are, without asking anybody: the way there is
// through a proxy that does not exist.
func TestURL(t *testing.T) {
	t.Parallel()
	nowhere := http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	tests := []struct{ base, streaming, events, want string }{
		{"", "", "", "ok https://api.featureflag.co"},
		{"https://flags.example.com/", "", "", "ok https://flags.example.com"},
		{"https://a.example.com", "wss://b.example.com/ws/", "https://c.example.com", "ok https://a.example.com, websocket at wss://b.example.com/ws, events to https://c.example.com"},
		{"http://flags.example.com", "", "", "warn http://flags.example.com: the secret goes through the network unencrypted"},
		{"https://flags.example.com", "ws://flags.example.com", "", "warn "},
		{"http://8.8.8.8", "", "", "warn "},
		{"http://10.1.2.3", "", "", "ok "},
		{"http://featbit:5100", "", "", "ok "},
		{"http://featbit.local", "", "", "ok "},
		{"http://[::1]:5100", "", "", "ok "},
		{"ws://flags.example.com", "", "", `fail -url: invalid URL "ws://flags.example.com": expected http://host[/prefix] or https://host[/prefix]`},
		{"https://name:password@flags.example.com", "", "", "fail -url: the URL has a user name"},
		{"", "https://x", "?", `fail -events-url: invalid URL "?": expected http://host[/prefix] or https://host[/prefix]; -streaming-url: invalid URL "https://x"`},
	}
	for _, test := range tests {
		t.Run(test.base+" "+test.streaming, func(t *testing.T) {
			t.Parallel()
			got := examine(t, doctor.Config{EnvSecret: ffctest.EnvSecret, BaseURL: test.base, StreamingURL: test.streaming, EventsURL: test.events, Proxy: nowhere})
			got.is(t, map[string]string{"url": test.want})
			if strings.Contains(got["url"].Seen, "password") {
				t.Errorf("the password is shown: %s", got["url"].Seen)
			}
		})
	}
	examine(t, doctor.Config{EnvSecret: ffctest.FeatBitEnvSecret}).is(t, map[string]string{"url": "fail -url: missing URL: FeatBit has no default"})
}

func TestSecret(t *testing.T) {
	t.Parallel()
	tests := []struct{ secret, platform, want string }{
		{ffctest.EnvSecret, "", `ok of featureflag.co: account 11, project 22, environment 33 ("ZDJ"…, 72 characters)`},
		{ffctest.FeatBitEnvSecret, "", `ok of FeatBit ("PC0"…, 44 characters)`},
		{"eF9fYWNjb3VudF9fcHJvamVjdF9fZW52", "", `ok of featureflag.co ("eF9"…, 32 characters)`}, // with names for numbers
		{"short", "featbit", "ok of FeatBit (5 characters)"},
		{"", "", "fail there is no secret"},
		{" " + ffctest.EnvSecret, "", "fail the secret has a blank in front: expected the secret alone"},
		{"nonsense", "", "fail the secret fits no platform (if it is right, set the platform)"},
		{ffctest.FeatBitEnvSecret, "classic", "fail the secret is FeatBit's, but the platform is set to classic: correct one of them"},
	}
	for _, test := range tests {
		got := examine(t, doctor.Config{EnvSecret: test.secret, Platform: test.platform, BaseURL: "http://127.0.0.1:1"})
		got.is(t, map[string]string{"secret": test.want, "tcp": "fail nothing listens at 127.0.0.1:1"})
		for _, c := range got {
			if len(test.secret) > 10 && strings.Contains(c.Seen+c.Advice, strings.Trim(test.secret, " =")) {
				t.Errorf("the secret is shown: %+v", c)
			}
		}
	}
}

// TestUnknownHost: no name has an empty part, which the resolver knows without
// asking anybody.
func TestUnknownHost(t *testing.T) {
	t.Parallel()
	got := examine(t, doctor.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "https://flags..example"})
	const skip = "skip not checked: the address of flags..example is unknown"
	got.is(t, map[string]string{"dns": "fail there is no host flags..example", "tcp": skip, "tls": skip, "clock": skip, "websocket": skip, "data": skip, "polling": skip, "events": skip})
}

// TestDate: the clock is that of the platform, whatever stands before it.
func TestDate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header map[string]string
		want   string
	}{
		"of a cache": {map[string]string{"Date": time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), "Age": "3600"}, "ok"},
		"nonsense":   {map[string]string{"Date": "today"}, "skip the response has no Date header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range test.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(http.StatusNotFound)
			})})
			examine(t, doctor.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "http://" + address}).is(t, map[string]string{"clock": test.want})
		})
	}
}

// TestEventsToARelay: a relay without a queue is no platform that is down. What other
// servers say is not shown.
func TestEventsToARelay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"this relay has no queue for events: set the events URL to the platform\n": "fail the server is a relay without a queue for events (503 Service Unavailable)",
		"the queue for events is full or does not respond\n":                       "fail the platform responds with 503 Service Unavailable: the queue for events is full or does not respond",
		"no user ann\n": "fail the platform responds with 503 Service Unavailable",
	} {
		address := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(text))
		})})
		got := examine(t, doctor.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "http://" + address})
		got.is(t, map[string]string{"events": want})
		if c := got["events"]; strings.Contains(c.Seen, "ann") || strings.Contains(c.Advice, "-events-url") != strings.Contains(text, "events URL") {
			t.Errorf("%+v", c)
		}
	}
}

// TestEcho: a server that sends back what it is told cannot make the token or
// the secret part of the report.
func TestEcho(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request := make([]byte, 4096)
				n, _ := conn.Read(request)
				_, _ = conn.Write(request[:n])
			}()
		}
	}()
	got := examine(t, doctor.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "http://" + l.Addr().String()})
	got.is(t, map[string]string{"clock": "fail ", "websocket": "fail ", "polling": "fail ", "events": "fail "})
	for _, c := range got {
		if text := c.Seen + c.Advice; strings.Contains(text, "token=") || strings.Contains(text, strings.TrimRight(ffctest.EnvSecret, "=")) {
			t.Errorf("%+v", c)
		}
	}
}

// TestCancelled: a run that is ended says nothing more.
func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var last string
	err := doctor.Run(ctx, doctor.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "http://127.0.0.1:1", Timeout: time.Minute, Env: func(string) string { return "" }},
		func(string) {}, func(c doctor.Check) {
			last = c.Name
			if c.Name == "dns" {
				cancel()
			}
		})
	if err != context.Canceled || last != "dns" {
		t.Errorf("got %v after %s", err, last)
	}
}
