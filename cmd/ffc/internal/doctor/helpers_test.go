package doctor_test

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/doctor"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// results are checks by name; of several with one name, the last.
type results map[string]doctor.Check

// examine makes all checks.
func examine(t *testing.T, cfg doctor.Config) results {
	t.Helper()
	cfg.Timeout = 5 * time.Second
	if cfg.Env == nil {
		cfg.Env = func(string) string { return "" }
	}
	all := make(results)
	begun := ""
	err := doctor.Run(t.Context(), cfg, func(name string) { begun = name }, func(c doctor.Check) {
		if c.Outcome != doctor.Skipped && begun != c.Name {
			t.Errorf("%s ends, but %s has begun", c.Name, begun)
		}
		all[c.Name] = c
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// is compares outcomes and the beginnings of what was seen, such as "ok accepted".
func (r results) is(t *testing.T, want map[string]string) {
	t.Helper()
	for name, text := range want {
		c := r[name]
		if got := string(c.Outcome) + " " + c.Seen; !strings.HasPrefix(got, text) {
			t.Errorf("%s: got %q, want %q", name, got, text)
		}
		if (c.Outcome == doctor.Warn || c.Outcome == doctor.Fail) && c.Advice == "" {
			t.Errorf("%s is %s without advice", name, c.Outcome)
		}
	}
}

// overTLS puts TLS before a platform and returns its URL.
func overTLS(t *testing.T, s *ffctest.Server, certificate *tls.Certificate) string {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := httptest.NewUnstartedServer(front)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// proxy is an HTTP proxy for everything; it returns its URL.
func proxy(t *testing.T) string {
	t.Helper()
	forward := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}, ErrorLog: log.New(io.Discard, "", 0)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		// Only then the answer: what the client sends after it is for to.
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			defer to.Close()
			_, _ = io.Copy(to, conn)
		}()
		_, _ = io.Copy(conn, to)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
