package httpclient

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	proxyUser     = "somebody"
	proxyPassword = "hunter2 &%"
)

// forwardProxy is a proxy with a password that passes CONNECT on, or answers
// status if that is not 0.
type forwardProxy struct {
	status  int
	mu      sync.Mutex
	seen    []string // method and host of each request
	headers []http.Header
	running sync.WaitGroup
}

func (p *forwardProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, r.Method+" "+r.Host)
	p.headers = append(p.headers, r.Header)
	p.mu.Unlock()
	as := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	switch user, password, _ := as.BasicAuth(); {
	case p.status != 0:
		w.WriteHeader(p.status)
		return
	case user != proxyUser || password != proxyPassword:
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	case r.Method != http.MethodConnect:
		w.WriteHeader(http.StatusNotFound) // what it is without an Upgrade
		return
	}
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = to.Close()
		return
	}
	p.running.Add(1)
	defer p.running.Done()
	_, _ = io.WriteString(from, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		_, _ = io.Copy(struct{ io.Writer }{to}, from)
		_ = to.Close()
	}()
	_, _ = io.Copy(struct{ io.Writer }{from}, to)
	_ = from.Close()
}

// upgrading is a server whose sockets repeat what they are told.
func upgrading(t *testing.T, startTLS bool) *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(struct{ io.Writer }{conn}, buffered)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.EnableHTTP2 = true
	if startTLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

func open(ctx context.Context, client *http.Client, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	return client.Do(req)
}

// proxied starts a proxy and returns a client that goes through it.
func proxied(t *testing.T, p *forwardProxy, startTLS bool, servers ...*httptest.Server) (*http.Client, *url.URL) {
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if startTLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(p.running.Wait)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(proxyUser, proxyPassword)
	trust := x509.NewCertPool()
	for _, s := range append(servers, server) {
		if c := s.Certificate(); c != nil {
			trust.AddCert(c)
		}
	}
	rt := &http.Transport{
		Proxy:              http.ProxyURL(address),
		ProxyConnectHeader: http.Header{"X-Team": {"flags"}},
		TLSClientConfig:    &tls.Config{RootCAs: trust},
		ForceAttemptHTTP2:  true,
	}
	return &http.Client{Transport: rt}, address
}

// TestSocketThroughProxy: websockets go through a tunnel, also without TLS, and
// the proxy gets its password.
func TestSocketThroughProxy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ proxyTLS, serverTLS bool }{
		"ws":                         {},
		"wss":                        {serverTLS: true},
		"ws through a proxy by TLS":  {proxyTLS: true},
		"wss through a proxy by TLS": {proxyTLS: true, serverTLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := upgrading(t, test.serverTLS)
			p := &forwardProxy{}
			base, _ := proxied(t, p, test.proxyTLS, server)
			resp, err := open(t.Context(), Sockets(base), server.URL)
			if err != nil {
				t.Fatal(err)
			}
			socket, ok := resp.Body.(io.ReadWriteCloser)
			if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
				t.Fatalf("status %d, body %T", resp.StatusCode, resp.Body)
			}
			if _, err := io.WriteString(socket, "hello\n"); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(socket).ReadString('\n'); line != "hello\n" {
				t.Errorf("%q, %v", line, err)
			}
			_ = socket.Close()
			p.mu.Lock()
			defer p.mu.Unlock()
			if want := "CONNECT " + strings.TrimPrefix(strings.TrimPrefix(server.URL, "https://"), "http://"); len(p.seen) != 1 || p.seen[0] != want {
				t.Errorf("the proxy saw %q, want %q", p.seen, want)
			}
			if p.headers[0].Get("X-Team") != "flags" {
				t.Errorf("headers of CONNECT: %v", p.headers[0])
			}
		})
	}
}

// TestSocketWithoutProxy: a Proxy function that names none is obeyed.
func TestSocketWithoutProxy(t *testing.T) {
	t.Parallel()
	server := upgrading(t, false)
	resp, err := open(t.Context(), Sockets(&http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}}), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestProxyRefuses: what a proxy answers is told, and its password is not.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	server := upgrading(t, false)
	for _, status := range []int{403, 407, 502} {
		base, _ := proxied(t, &forwardProxy{status: status}, false)
		_, err := open(t.Context(), Sockets(base), server.URL) //nolint:bodyclose // there is none
		var refused *ProxyError
		if !errors.As(err, &refused) || refused.Status != status || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: %v", status, err)
		}
	}
	wrong := &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://somebody:hunter2@proxy"`)
	}}}
	for _, client := range []*http.Client{Sockets(wrong), Attempts(wrong, constant(time.Minute))} {
		if _, err := open(t.Context(), client, server.URL); err == nil || strings.Contains(err.Error(), "hunter2") { //nolint:bodyclose // there is none
			t.Errorf("error %v", err)
		}
	}
}

// TestProxyThatSaysNothing: a tunnel that does not come ends with the context.
func TestProxyThatSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent []net.Conn
		rt := &http.Transport{
			Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.test"}),
			DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
				if address != "proxy.test:80" {
					t.Errorf("dialled %s", address)
				}
				client, server := net.Pipe()
				silent = append(silent, server)
				go func() { _, _ = io.Copy(io.Discard, server) }()
				return client, nil
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := open(ctx, Sockets(&http.Client{Transport: rt}), "http://platform.test/") //nolint:bodyclose // there is none
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		synctest.Wait() // the connection has been closed, or the copying would go on
		if len(silent) != 1 {
			t.Errorf("%d connections", len(silent))
		}
	})
}

// TestEarlyBytes: what came with the proxy's answer is not lost.
func TestEarlyBytes(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	go func() {
		_, _ = io.WriteString(server, " world")
		_ = server.Close()
	}()
	if text, err := io.ReadAll(&earlyConn{client, []byte("hello")}); string(text) != "hello world" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestProxyThatTalksTooMuch: its answer is bounded.
func TestProxyThatTalksTooMuch(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for err == nil {
			_, err = io.WriteString(conn, "X-Header: "+strings.Repeat("x", 1000)+"\r\n")
		}
	}()
	rt := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: listener.Addr().String()})}
	if _, err := open(t.Context(), Sockets(&http.Client{Transport: rt}), "http://platform.test/"); err == nil { //nolint:bodyclose // there is none
		t.Error("no error")
	}
}
