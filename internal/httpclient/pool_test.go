package httpclient

import (
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
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// memory is a server in a bubble.
type memory struct {
	*testkit.Listener
	dialled atomic.Int64
}

func newMemory(t *testing.T, h http.Handler) *memory {
	m := &memory{Listener: testkit.NewListener()}
	server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(m)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return m
}

func (m *memory) transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		m.dialled.Add(1)
		return m.Dial(ctx, network, address)
	}}
}

// TestIdleConnections: connections are kept between requests, but not used any
// more when there was none for 30 s.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "answer") }))
		pool := NewPool(&http.Client{Transport: m.transport()}, nil)
		defer pool.Close()
		// Different uses share connections.
		clients := []*http.Client{Attempts(pool.Client(), constant(time.Minute)), Following(pool.Client(), time.Minute, "secret")}
		for i, test := range []struct {
			pause time.Duration
			want  int64
		}{{0, 1}, {time.Second, 1}, {30 * time.Second, 1}, {30 * time.Second, 1}, {30*time.Second + 1, 2}, {time.Second, 2}, {time.Hour, 3}} {
			time.Sleep(test.pause)
			if err := get(t.Context(), clients[i%2]); err != nil {
				t.Fatal(err)
			}
			if n := m.dialled.Load(); n != test.want {
				t.Errorf("request %d, %v later: %d connections so far, want %d", i+1, test.pause, n, test.want)
			}
		}
	})
}

// TestIdleConnectionsAfterFreeze: time that only the wall clock has counted
// counts.
func TestIdleConnectionsAfterFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, http.NotFoundHandler())
		pool := NewPool(&http.Client{Transport: m.transport()}, nil)
		defer pool.Close()
		for want := range 3 {
			if err := get(t.Context(), Attempts(pool.Client(), constant(time.Minute))); err != nil {
				t.Fatal(err)
			}
			if n := m.dialled.Load(); n != int64(want+1) {
				t.Errorf("%d connections, want %d", n, want+1)
			}
			pool.used = pool.used.Round(0).Add(-31 * time.Second) // no monotonic clock
		}
	})
}

// TestTimeoutReplacesConnections: after a request that brought nothing the next
// one has a new connection, while others go on with the old one.
func TestTimeoutReplacesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		m := newMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/long":
				<-release
				_, _ = io.WriteString(w, "answer")
			case "/never":
				<-r.Context().Done()
			}
		}))
		pool := NewPool(&http.Client{Transport: m.transport()}, nil)
		client := Attempts(pool.Client(), constant(time.Minute))
		ask := func(ctx context.Context, path string) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://platform.test"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			_, err = io.ReadAll(resp.Body)
			return errors.Join(err, resp.Body.Close())
		}
		long := make(chan error)
		go func() { long <- ask(t.Context(), "/long") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := ask(ctx, "/never"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := ask(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
		if n := m.dialled.Load(); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
		close(release)
		if err := <-long; err != nil {
			t.Errorf("the other request: %v", err)
		}
		if n := len(pool.retired); n != 0 {
			t.Errorf("%d generations are kept although no request uses them", n)
		}
		pool.Close()
		synctest.Wait()
	})
}

// TestKeptConnectionThatBroke: a request that a kept connection loses is sent
// once more at once, over a new one, without using up a retry. One that a new
// connection loses is not.
func TestKeptConnectionThatBroke(t *testing.T) {
	t.Parallel()
	for _, isForeign := range []bool{false, true} {
		var lose atomic.Int64 // so many requests
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if lose.Add(-1) >= 0 {
				panic(http.ErrAbortHandler)
			}
		}))
		t.Cleanup(server.Close)
		var tries []error
		send := func(pool *Pool) error {
			req, err := retryablehttp.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, []byte("body"))
			if err != nil {
				t.Fatal(err)
			}
			tries = nil
			r := retry.Loop{Client: Attempts(pool.Client(), constant(time.Minute)), Wait: time.Hour, OnTry: func(err error) { tries = append(tries, err) }}
			resp, err := r.Do(req)
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			return err
		}
		newPool := func() *Pool {
			own := new(http.Transport)
			t.Cleanup(own.CloseIdleConnections)
			var rt http.RoundTripper = own
			if isForeign {
				rt = testkit.RoundTrip(own.RoundTrip)
			}
			pool := NewPool(&http.Client{Transport: rt}, nil)
			t.Cleanup(pool.Close)
			return pool
		}
		pool := newPool()
		if err := send(pool); err != nil {
			t.Fatal(err)
		}
		lose.Store(1)
		if err := send(pool); err != nil || len(tries) != 2 || tries[0] != nil || tries[1] == nil || retry.Unsent(tries[1]) {
			t.Errorf("foreign %v, over a kept connection: %v, tries %v", isForeign, err, tries)
		}
		if err := send(pool); err != nil { // so that there is a kept connection again
			t.Fatal(err)
		}
		lose.Store(2)
		if err := send(pool); err == nil || len(tries) != 2 {
			t.Errorf("foreign %v, lost twice: %v, tries %v", isForeign, err, tries)
		}
		lose.Store(1)
		if err := send(newPool()); err == nil || len(tries) != 1 {
			t.Errorf("foreign %v, over a new connection: %v, tries %v", isForeign, err, tries)
		}
	}
}

// TestForeignTransportIsAskedForAnotherConnection after a timeout, until an
// answer has come.
func TestForeignTransportIsAskedForAnotherConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []bool
		base := &http.Client{Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.Close)
			if len(asked) == 2 || len(asked) == 3 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: 200}, nil
		})}
		client := Attempts(base, constant(time.Second))
		for range 5 {
			_ = get(t.Context(), client)
		}
		if want := []bool{false, false, true, true, false}; !slices.Equal(asked, want) {
			t.Errorf("Close was %v, want %v", asked, want)
		}
	})
}

// TestCloneKeepsSettings: a clone speaks HTTP/2 where the application's
// transport does, and nowhere else.
func TestCloneKeepsSettings(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	trust := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	protocols := func(set func(*http.Protocols)) *http.Protocols {
		p := new(http.Protocols)
		set(p)
		return p
	}
	tests := []struct {
		name string
		base *http.Transport
	}{
		{"forced", &http.Transport{ForceAttemptHTTP2: true}},
		{"left to a transport with TLS settings", &http.Transport{}},
		{"switched off", &http.Transport{ForceAttemptHTTP2: true, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}},
		{"one protocol", &http.Transport{Protocols: protocols(func(p *http.Protocols) { p.SetHTTP2(true) })}},
		{"the other protocol", &http.Transport{ForceAttemptHTTP2: true, Protocols: protocols(func(p *http.Protocols) { p.SetHTTP1(true) })}},
		{"with a dialler", &http.Transport{DialContext: new(net.Dialer).DialContext}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.base.TLSClientConfig = &tls.Config{RootCAs: trust}
			pool := NewPool(&http.Client{Transport: test.base}, nil)
			t.Cleanup(pool.Close)
			t.Cleanup(test.base.CloseIdleConnections)
			var spoken []string
			for _, client := range []*http.Client{{Transport: test.base}, pool.Client()} {
				resp, err := client.Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				spoken = append(spoken, string(text))
			}
			if spoken[0] != spoken[1] {
				t.Errorf("the application's transport speaks %s, ours %s", spoken[0], spoken[1])
			}
		})
	}
	if bare := NewPool(&http.Client{Transport: &http.Transport{}}, nil).clone(nil); !bare.ForceAttemptHTTP2 {
		t.Error("the clone of a transport without settings does not speak HTTP/2")
	}
}

// TestPing: connections of HTTP/2 are pinged where there is a background, as
// often as the application wants or else every 10 s.
func TestPing(t *testing.T) {
	t.Parallel()
	bare := NewPool(nil, nil)
	if c := bare.clone(nil).HTTP2; c != nil && c.SendPingTimeout != 0 {
		t.Errorf("without a background: %+v", c)
	}
	bare.Ping()
	if c := bare.clone(nil).HTTP2; c == nil || c.SendPingTimeout != 10*time.Second || c.PingTimeout != 5*time.Second {
		t.Errorf("with a background: %+v", c)
	}
	own := NewPool(&http.Client{Transport: &http.Transport{HTTP2: &http.HTTP2Config{SendPingTimeout: time.Minute, MaxReadFrameSize: 1 << 20}}}, nil)
	own.Ping()
	if c := own.clone(nil).HTTP2; c == nil || c.SendPingTimeout != time.Minute || c.PingTimeout != 5*time.Second || c.MaxReadFrameSize != 1<<20 {
		t.Errorf("with the application's settings: %+v", c)
	}
}

// TestCallbacksOfCloneThatPanic: what net/http calls on goroutines of its own
// does not end the process either.
func TestCallbacksOfCloneThatPanic(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	trusting := func() *tls.Config { return server.Client().Transport.(*http.Transport).TLSClientConfig.Clone() }
	verify, peer, conn := trusting(), trusting(), trusting()
	verify.VerifyConnection = func(tls.ConnectionState) error { panic("hunter2") }
	peer.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { panic("hunter2") }
	for name, rt := range map[string]*http.Transport{
		"DialContext":           {DialContext: func(context.Context, string, string) (net.Conn, error) { panic("hunter2") }},
		"Dial":                  {Dial: func(string, string) (net.Conn, error) { panic("hunter2") }},
		"DialTLSContext":        {DialTLSContext: func(context.Context, string, string) (net.Conn, error) { panic("hunter2") }},
		"DialTLS":               {DialTLS: func(string, string) (net.Conn, error) { panic("hunter2") }},
		"Proxy":                 {Proxy: func(*http.Request) (*url.URL, error) { panic("hunter2") }},
		"VerifyConnection":      {TLSClientConfig: verify},
		"VerifyPeerCertificate": {TLSClientConfig: peer},
		"a connection": {TLSClientConfig: conn, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return panickingConn{c}, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := NewPool(&http.Client{Transport: rt}, nil)
			t.Cleanup(pool.Close)
			for _, client := range []*http.Client{Attempts(pool.Client(), constant(time.Minute)), Sockets(pool.Client())} {
				resp, err := client.Get(server.URL)
				if err == nil {
					_ = resp.Body.Close()
				}
				if err == nil || !strings.Contains(err.Error(), "panicked with a string") || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

type panickingConn struct{ net.Conn }

func (panickingConn) Read([]byte) (int, error) { panic("hunter2") }
