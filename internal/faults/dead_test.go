package faults_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// overHTTP2 is a platform that speaks HTTP/2, behind a proxy that passes TLS on.
type overHTTP2 struct {
	*testing.T
	on       *platformCase
	platform *ffctest.Server
	proxy    *faults.Proxy
	trust    *x509.CertPool
	old      atomic.Int64 // requests by HTTP/1, but for websockets
}

func newOverHTTP2(t *testing.T, g *platformCase) *overHTTP2 {
	w := &overHTTP2{T: t, on: g, platform: g.server(g.snapshot(ffctest.Flag("f").Variations("old", "new").Serve("old")))}
	t.Cleanup(w.platform.Close)
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 && r.Header.Get("Upgrade") == "" {
			w.old.Add(1)
		}
		w.platform.ServeHTTP(rw, r)
	}))
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.Close)
	w.trust = x509.NewCertPool()
	w.trust.AddCert(front.Certificate())
	var err error
	if w.proxy, err = faults.NewProxy(front.URL, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Close)
	return w
}

// transport is an application's.
func (w *overHTTP2) transport() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.trust}, ForceAttemptHTTP2: true}
}

// foreign is a RoundTripper that is no *http.Transport.
type foreign struct{ http.RoundTripper }

// client returns a client that has data, and whose first events are delivered.
func (w *overHTTP2) client(data transport.Transport, isForeign bool, events flush.Config) *ffc.Client {
	w.Helper()
	var rt http.RoundTripper = w.transport()
	if isForeign {
		rt = foreign{rt}
	}
	client, err := ffc.New(w.Context(), ffc.Config{
		EnvSecret: w.platform.EnvSecret, Platform: w.on.platform, BaseURL: "https://" + w.proxy.Address,
		Transport: data, HTTPClient: &http.Client{Transport: rt},
		Events: events, Logger: testkit.Quiet(),
	})
	if err != nil {
		w.Fatal(err)
	}
	w.wait(client, "old")
	if err := client.Flush(w.within()); err != nil {
		w.Fatal(err)
	}
	return client
}

// within returns a context with a timeout that is long enough on a busy machine.
func (w *overHTTP2) within() context.Context { return w.timeout(30 * time.Second) }

func (w *overHTTP2) timeout(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	w.Cleanup(cancel)
	return ctx
}

// wait waits until a client evaluates to value.
func (w *overHTTP2) wait(client *ffc.Client, value string) {
	w.Helper()
	w.waitWith(w.within(), client, value)
}

func (w *overHTTP2) waitWith(ctx context.Context, client *ffc.Client, value string) {
	w.Helper()
	tick := time.NewTicker(10 * time.Millisecond) // each evaluation records an event
	defer tick.Stop()
	for client.Variation(ctx, "f", ffc.NewUser("u"), "") != value {
		_ = client.Refresh(ctx) // does nothing but on demand
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("the value is not %q; status %+v, stats %+v", value, client.Status(), client.Stats())
		}
	}
}

// TestDeadConnections: connections of HTTP/2 that have gone dead without a word
// are replaced, however the client uses them.
func TestDeadConnections(t *testing.T) {
	const timeout = 300 * time.Millisecond
	request := func(interval time.Duration) *poll.Transport {
		return &poll.Transport{
			MaxAge: time.Millisecond, Interval: interval, Timeout: timeout, Budget: time.Second,
			FirstRetry: time.Millisecond, MaxRetry: 10 * time.Millisecond,
		}
	}
	tests := []struct {
		name      string
		transport transport.Transport
		blocked   bool // websockets are
		foreign   bool
	}{
		{name: "poll at an interval", transport: request(5 * time.Millisecond)},
		{name: "poll on demand", transport: request(0)},
		{name: "poll on demand, foreign transport", transport: request(0), foreign: true},
		{name: "poll at an interval, foreign transport", transport: request(5 * time.Millisecond), foreign: true},
		{name: "fallback", blocked: true, transport: &stream.Transport{
			Fallback: request(5 * time.Millisecond), FirstRetry: time.Hour, MaxRetry: time.Hour}},
		{name: "push", transport: &stream.Transport{
			PingInterval: 50 * time.Millisecond, SilenceTimeout: timeout, ConnectTimeout: timeout,
			FirstRetry: time.Millisecond, MaxRetry: 10 * time.Millisecond}},
	}
	for i := range allPlatforms {
		for _, test := range tests {
			t.Run(allPlatforms[i].name+", "+test.name, func(t *testing.T) {
				t.Parallel()
				w := newOverHTTP2(t, &allPlatforms[i])
				if test.blocked {
					w.platform.RejectUpgrade(http.StatusBadGateway)
				}
				client := w.client(test.transport, test.foreign, flush.Config{Interval: -1, Timeout: timeout, Retries: -1})
				deliver := func() {
					client.Variation(t.Context(), "f", ffc.NewUser("u"), "")
					failed := 0
					for client.Flush(w.within()) != nil {
						if failed++; failed > 2 {
							t.Fatalf("%d deliveries in a row failed", failed)
						}
					}
				}
				for range 2 {
					w.proxy.Deaden()
					deliver()
				}
				w.proxy.Deaden()
				w.platform.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"))
				w.wait(client, "new")
				deliver()
				if err := client.Close(w.within()); err != nil {
					t.Error(err)
				}
				if n := w.old.Load(); n > 0 {
					t.Errorf("%d requests by HTTP/1", n)
				}
			})
		}
	}
}

// soakVariable makes tests run that take real minutes. The soak job of .ci/run
// sets it.
const soakVariable = "FFC_SOAK"

// TestDeadConnectionsWithDefaultTimeouts is TestDeadConnections with the timeouts
// that users get. Data and events recover within the timeout of a request and
// 20 s. A websocket is replaced after SilenceTimeout, 30 s. The limits have 15 s
// more than that, for a busy machine.
func TestDeadConnectionsWithDefaultTimeouts(t *testing.T) {
	if testing.Short() || os.Getenv(soakVariable) == "" {
		t.Skip("takes a minute: set " + soakVariable + "=1")
	}
	const (
		request = 10*time.Second + 20*time.Second + 15*time.Second
		socket  = 30*time.Second + 15*time.Second
	)
	tests := []struct {
		name      string
		transport transport.Transport
		blocked   bool // websockets are
		foreign   bool
		limit     time.Duration // for data
	}{
		{name: "poll at an interval", transport: &poll.Transport{Interval: time.Second}, limit: request},
		{name: "poll at an interval, foreign transport", transport: &poll.Transport{Interval: time.Second}, foreign: true, limit: request},
		{name: "poll on demand", transport: &poll.Transport{MaxAge: time.Second}, limit: request},
		{name: "poll on demand, foreign transport", transport: &poll.Transport{MaxAge: time.Second}, foreign: true, limit: request},
		{name: "fallback", blocked: true, transport: &stream.Transport{Fallback: &poll.Transport{Interval: time.Second}}, limit: request},
		{name: "push", transport: &stream.Transport{}, limit: socket},
	}
	for i := range allPlatforms {
		for _, test := range tests {
			t.Run(allPlatforms[i].name+", "+test.name, func(t *testing.T) {
				t.Parallel()
				w := newOverHTTP2(t, &allPlatforms[i])
				if test.blocked {
					w.platform.RejectUpgrade(http.StatusBadGateway)
				}
				client := w.client(test.transport, test.foreign, flush.Config{Interval: -1})
				w.proxy.Deaden()
				w.platform.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"))
				var delivering sync.WaitGroup
				delivering.Go(func() {
					client.Variation(t.Context(), "f", ffc.NewUser("u"), "")
					for ctx := w.timeout(request); client.Flush(ctx) != nil; {
						if ctx.Err() != nil {
							t.Errorf("events are not delivered: %+v", client.Stats().Events)
							return
						}
					}
				})
				began := time.Now()
				w.waitWith(w.timeout(test.limit), client, "new")
				t.Logf("new data after %v", time.Since(began).Round(time.Second/10))
				delivering.Wait()
				t.Logf("events delivered after %v", time.Since(began).Round(time.Second/10))
				if err := client.Close(w.within()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestDeadConnectionsArePinged: where there is a background, a connection of
// HTTP/2 is found dead long before the timeout of a request.
func TestDeadConnectionsArePinged(t *testing.T) {
	t.Parallel()
	w := newOverHTTP2(t, &allPlatforms[0])
	rt := w.transport()
	rt.HTTP2 = &http.HTTP2Config{SendPingTimeout: 50 * time.Millisecond, PingTimeout: 200 * time.Millisecond}
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: w.platform.EnvSecret, BaseURL: "https://" + w.proxy.Address,
		Transport:  &poll.Transport{Interval: 5 * time.Millisecond, Timeout: time.Hour, FirstRetry: time.Millisecond, MaxRetry: 10 * time.Millisecond},
		HTTPClient: &http.Client{Transport: rt},
		Events:     flush.Config{Interval: -1},
		Logger:     testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.wait(client, "old")
	w.proxy.Deaden()
	w.platform.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"))
	w.wait(client, "new")
	if err := client.Close(w.within()); err != nil {
		t.Error(err)
	}
}
