package faults_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// skewed is a platform whose clock steps.
func skewed(steps ...time.Duration) func(*world) string {
	return func(w *world) string {
		for i, step := range steps {
			w.server.Skew(step)
			w.proxy.Break()
			value := []string{"v1", "v2"}[i%2]
			w.put(value)
			w.heals(value)
		}
		w.put("v3")
		return "v3"
	}
}

// startSkewed is a platform whose clock is wrong from the beginning.
func startSkewed(by time.Duration) scenario {
	return scenario{modes: all,
		before: func(w *world) { w.server.Skew(by) },
		play: func(w *world) string {
			w.heals("v0")
			w.put("v1")
			return "v1"
		}}
}

// clocks are differences between the client's clock and the platform's.
var clocks = []scenario{
	named("the client is 10 min slow", startSkewed(10*time.Minute)),
	named("the client is 10 min fast", startSkewed(-10*time.Minute)),
	named("the client is 31 s slow", startSkewed(31*time.Second)),
	{name: "the clock steps", modes: sockets, play: skewed(10*time.Minute, 0, -10*time.Minute, 20*time.Minute, -time.Hour, 40*time.Second)},
}

func named(name string, s scenario) scenario {
	s.name = name
	return s
}

// dialer is the application's HTTP client, and ends with the test.
func (w *world) dialer(configure func(*http.Transport)) {
	t := &http.Transport{}
	configure(t)
	w.config.HTTPClient = &http.Client{Transport: t}
	w.closeIdle = t.CloseIdleConnections
}

// cut breaks all connections, and those that are being made, which would live
// on: clients keep their connections.
func (w *world) cut() {
	w.proxy.Break()
	w.evaluates()
	w.proxy.Break()
}

// ways are the things between a client and the platform.
var ways = []scenario{
	{name: "DNS fails, then works", modes: all,
		before: func(w *world) {
			w.config.StartWait = -1
			w.dialer(func(t *http.Transport) {
				t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					if !w.works.Load() {
						return nil, &net.DNSError{Err: "no such host", Name: "platform.test", IsNotFound: true}
					}
					return new(net.Dialer).DialContext(ctx, network, address)
				}
			})
		},
		play: func(w *world) string {
			for range 2 {
				w.until("it fails", func() bool {
					var dns *net.DNSError
					return errors.As(w.client.Status().Err, &dns) && w.kind() == transport.KindNetwork
				})
				w.evaluates()
				w.works.Store(true)
				w.heals("v0")
				if w.mode.fallback {
					break // it does not stay interrupted
				}
				w.works.Store(false)
				w.cut()
				w.suffers(transport.KindNetwork)
			}
			w.works.Store(true)
			w.put("v1")
			return "v1"
		}},
	{name: "HTTP proxy that breaks", modes: all,
		before: func(w *world) {
			w.certified("platform.test")
			w.tunnel = newTunnel(w.T)
			address, _ := url.Parse(w.tunnel.URL())
			w.dialer(func(t *http.Transport) {
				t.Proxy = http.ProxyURL(address)
				t.TLSClientConfig = w.trust
			})
		},
		play: func(w *world) string {
			w.heals("v0")
			w.tunnel.fail(http.StatusBadGateway)
			w.cut()
			w.suffers(transport.KindNetwork)
			w.put("v1")
			w.tunnel.fail(http.StatusProxyAuthRequired)
			w.attempts()
			w.tunnel.fail(0)
			w.heals("v1")
			if w.tunnel.passed.Load() == 0 {
				w.Error("nothing went through the proxy")
			}
			return "v1"
		}},
	{name: "HTTP proxy with a password, without TLS", modes: all,
		before: func(w *world) {
			w.tunnel = newTunnel(w.T)
			w.tunnel.password = proxyPassword
			address, _ := url.Parse(w.tunnel.URL())
			address.User = url.UserPassword("name", proxyPassword)
			w.dialer(func(t *http.Transport) { t.Proxy = http.ProxyURL(address) })
		},
		play: func(w *world) string {
			w.heals("v0")
			w.tunnel.fail(http.StatusBadGateway)
			w.tunnel.cut()
			w.suffers(transport.KindNetwork)
			w.put("v1")
			w.attempts()
			w.tunnel.fail(0)
			w.heals("v1")
			if w.tunnel.passed.Load() == 0 && w.mode.socket {
				w.Error("no websocket went through the proxy")
			}
			return "v1"
		}},
	{name: "TLS with a private authority", modes: all,
		before: func(w *world) {
			w.certified("127.0.0.1")
			w.dialer(func(t *http.Transport) { t.TLSClientConfig = w.trust })
		},
		play: func(w *world) string {
			w.heals("v0")
			w.proxy.Break()
			w.put("v1")
			return "v1"
		}},
	{name: "certificate of an unknown authority, then the right one", modes: all,
		before: func(w *world) {
			w.config.StartWait = -1
			w.certified("127.0.0.1")
			w.wrong(testkit.NewAuthority(w.T), "127.0.0.1", time.Hour)
			w.dialer(func(t *http.Transport) { t.TLSClientConfig = w.trust })
		},
		play: distrusted},
	{name: "certificate of another host, then the right one", modes: all,
		before: func(w *world) {
			w.config.StartWait = -1
			w.certified("127.0.0.1")
			w.wrong(w.ca, "elsewhere.test", time.Hour)
			w.dialer(func(t *http.Transport) { t.TLSClientConfig = w.trust })
		},
		play: distrusted},
	{name: "certificate that is over, then the right one", modes: all,
		before: func(w *world) {
			w.config.StartWait = -1
			w.certified("127.0.0.1")
			w.wrong(w.ca, "127.0.0.1", -time.Hour)
			w.dialer(func(t *http.Transport) { t.TLSClientConfig = w.trust })
		},
		play: distrusted},
}

// distrusted is a platform with a certificate that is not to be trusted.
func distrusted(w *world) string {
	w.distrusts()
	w.present(w.right)
	return "v0"
}

// distrusts checks that nothing of use passes, in either direction.
func (w *world) distrusts() {
	w.Helper()
	w.until("attempts fail", func() bool {
		var unverified *tls.CertificateVerificationError
		return w.client.Stats().Transport.Failures > 1 && errors.As(w.client.Status().Err, &unverified)
	})
	w.evaluates()
	if w.client.Initialized() {
		w.Error("initialized")
	}
	if err := w.client.Flush(w.Context()); err == nil {
		w.Error("events were delivered")
	}
	if len(w.server.Events())+len(w.server.Requests(0))+len(w.server.Requests(1))+len(w.server.Requests(2)) != 0 {
		w.Error("requests passed")
	}
}

// certificate returns a certificate for a host, which is valid for some time.
func certificate(t *testing.T, a *testkit.Authority, host string, until time.Duration) *tls.Certificate {
	t.Helper()
	return a.Certificate(t, func(c *x509.Certificate) {
		c.NotAfter = time.Now().Add(until)
		if net.ParseIP(host) == nil {
			c.IPAddresses, c.DNSNames = nil, []string{host}
		}
	})
}

// secured is what a world with TLS has.
type secured struct {
	ca        *testkit.Authority
	right     *tls.Certificate
	trust     *tls.Config // of the application's HTTP client
	presented atomic.Pointer[tls.Certificate]
}

// certified gives the platform a name, TLS, and a right certificate.
func (w *world) certified(host string) {
	w.ca = testkit.NewAuthority(w.T)
	w.right = certificate(w.T, w.ca, host, time.Hour)
	w.presented.Store(w.right)
	w.tls = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return w.presented.Load(), nil }}
	w.trust = &tls.Config{RootCAs: w.ca.Pool(), ServerName: host}
	if net.ParseIP(host) != nil {
		w.trust.ServerName = ""
	}
}

// wrong has the platform present another certificate.
func (w *world) wrong(a *testkit.Authority, host string, until time.Duration) {
	w.present(certificate(w.T, a, host, until))
}

func (w *world) present(c *tls.Certificate) { w.presented.Store(c) }

const proxyPassword = "proxy-password-8c1f"

// tunnel is an HTTP proxy.
type tunnel struct {
	server   *httptest.Server
	status   atomic.Int64 // of all responses, unless 0
	passed   atomic.Int64
	password string // required unless empty

	mu    sync.Mutex
	conns []net.Conn
}

func newTunnel(t *testing.T) *tunnel {
	p := &tunnel{}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.close)
	return p
}

func (p *tunnel) URL() string { return p.server.URL }

// fail makes it answer a status; 0 is not any more.
func (p *tunnel) fail(status int) { p.status.Store(int64(status)) }

func (p *tunnel) close() {
	p.cut()
	p.server.Close()
}

// cut ends what goes through it.
func (p *tunnel) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}

func (p *tunnel) serve(w http.ResponseWriter, r *http.Request) {
	if status := p.status.Load(); status != 0 {
		w.WriteHeader(int(status))
		return
	}
	if p.password != "" {
		as := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
		if _, given, _ := as.BasicAuth(); given != p.password {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
	}
	if r.Method != http.MethodConnect {
		// As RFC 9110 has it, without what is between the client and the proxy.
		for _, name := range []string{"Connection", "Upgrade", "Proxy-Authorization"} {
			r.Header.Del(name)
		}
		(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(w, r)
		return
	}
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	from, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = to.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, from, to)
	p.mu.Unlock()
	p.passed.Add(1)
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	var both sync.WaitGroup
	pass := func(to io.WriteCloser, in io.Reader) {
		// Not by splicing, the pipes of which stay open for the next time and
		// would look like a leak.
		_, _ = io.Copy(struct{ io.Writer }{to}, in)
		_ = to.Close()
	}
	both.Go(func() { pass(to, buffered) })
	pass(from, to)
	both.Wait()
}
