package poll_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// These tests are about what net/http makes of real connections.

// listen starts a server on loopback that answers all requests; configure may
// be nil.
func listen(t *testing.T, configure func(*httptest.Server), f http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if configure == nil {
		configure = (*httptest.Server).Start
	}
	configure(server)
	t.Cleanup(server.Close)
	return server
}

// connected returns a session of a server, with a client as ffc makes it.
func connected(t *testing.T, url string, settings poll.Transport) *session {
	t.Helper()
	pool := httpclient.NewPool(nil, nil)
	t.Cleanup(pool.Close)
	settings.URL = url
	settings.Budget = budget
	return openWith(t, nil, pool.Client(), settings)
}

// budget is more than loopback needs.
const budget = 20e9

func zipped(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, `{"featureFlags":[]`)
	for range size / 1000 {
		_, _ = io.WriteString(z, strings.Repeat(" ", 1000))
	}
	_, _ = io.WriteString(z, "}")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Requests ask for compressed responses.
func TestGzip(t *testing.T) {
	t.Parallel()
	body := zipped(t, 100_000)
	server := listen(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("got Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body)
	})
	s := connected(t, server.URL, poll.Transport{})
	if told := s.refreshed(); len(told) != 2 || len(told[0].message) != 100_019 {
		t.Errorf("the store was told %v", told)
	}
}

// Compressed data is read whatever the headers say, also with an application's
// client that asks for no compression.
func TestCompressedAnswers(t *testing.T) {
	t.Parallel()
	var deflated bytes.Buffer
	z := zlib.NewWriter(&deflated)
	_, _ = io.WriteString(z, data)
	_ = z.Close()
	for name, test := range map[string]struct {
		encoding string
		body     []byte
		disabled bool // DisableCompression
		size     int
	}{
		"x-gzip":                         {encoding: "x-gzip", body: zipped(t, 5000), size: 5019},
		"gzip,aws-chunked":               {encoding: "gzip,aws-chunked", body: zipped(t, 5000), size: 5019},
		"no header":                      {body: zipped(t, 5000), size: 5019},
		"a client without decompression": {encoding: "gzip", body: zipped(t, 5000), disabled: true, size: 5019},
		"deflate":                        {encoding: "deflate", body: deflated.Bytes(), size: len(data)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := listen(t, nil, func(w http.ResponseWriter, _ *http.Request) {
				if test.encoding != "" {
					w.Header().Set("Content-Encoding", test.encoding)
				}
				_, _ = w.Write(test.body)
			})
			client := &http.Client{Transport: &http.Transport{DisableCompression: test.disabled}}
			t.Cleanup(client.CloseIdleConnections)
			s := openWith(t, nil, client, poll.Transport{URL: server.URL, Budget: budget})
			if told := s.refreshed(); len(told) != 2 || len(told[0].message) != test.size {
				t.Errorf("the store was told %v", told)
			}
		})
	}
}

// A small answer that swells is given up at MaxMessage, not when it has filled
// the memory.
func TestGzipBomb(t *testing.T) {
	for _, encoding := range []string{"gzip", "x-gzip", ""} {
		testGzipBomb(t, encoding)
	}
}

func testGzipBomb(t *testing.T, encoding string) {
	body := zipped(t, 5_000_000)
	server := listen(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		_, _ = w.Write(body)
	})
	s := connected(t, server.URL, poll.Transport{MaxMessage: 100_000})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := s.refused("interrupted")
	runtime.ReadMemStats(&after)
	if err.Kind != transport.KindData || !strings.Contains(err.Error(), "MaxMessage") {
		t.Errorf("got %q", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 2_000_000 {
		t.Errorf("%d bytes were allocated", n)
	}
}

func TestBadAnswersOverConnections(t *testing.T) {
	t.Parallel()
	closed := listen(t, nil, nil)
	closed.Close()
	tests := []struct {
		name      string
		url       string // "" is a server with this handler
		configure func(*httptest.Server)
		handler   http.HandlerFunc
		kind      transport.Kind
		text      string
	}{
		{name: "connection refused", url: closed.URL, kind: transport.KindNetwork, text: "refused"},
		{name: "not trusted", configure: (*httptest.Server).StartTLS, kind: transport.KindNetwork, text: "certificate"},
		{name: "truncated", kind: transport.KindNetwork, text: "broke off", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, data)
		}},
		{name: "truncated chunks", kind: transport.KindNetwork, text: "broke off", handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, data)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		{name: "truncated gzip", kind: transport.KindNetwork, text: "broke off", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			body := zipped(t, 100_000)
			_, _ = w.Write(body[:len(body)/2])
		}},
		{name: "not gzip", kind: transport.KindNetwork, text: "broke off", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, data)
		}},
		{name: "not HTTP", kind: transport.KindNetwork, text: "malformed", handler: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.6\r\n")
				_ = conn.Close()
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.url == "" {
				tt.url = listen(t, tt.configure, tt.handler).URL
			}
			s := connected(t, tt.url, poll.Transport{})
			if err := s.refused("interrupted"); err.Kind != tt.kind || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %q, want %q and %q", err, tt.kind, tt.text)
			}
		})
	}
}

// What the data is labelled as does not matter: object stores label it as they
// like.
func TestContentType(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"", "application/octet-stream", "text/plain", "text/html"} {
		server := listen(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{label}
			_, _ = io.WriteString(w, data)
		})
		s := connected(t, server.URL, poll.Transport{})
		checkCalls(t, s.refreshed(), "applied", "confirmed")
	}
}

// The application's own client is used as it is: its connections are kept.
func TestOwnConnections(t *testing.T) {
	t.Parallel()
	connections := make(chan struct{}, 100)
	server := listen(t, func(s *httptest.Server) {
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections <- struct{}{}
			}
		}
		s.Start()
	}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/flags" {
			http.Redirect(w, r, "/flags", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, data)
	})
	s := connected(t, server.URL, poll.Transport{MaxAge: 1})
	for range 5 {
		checkCalls(t, s.refreshed(), "applied", "confirmed")
	}
	if n := len(connections); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}
