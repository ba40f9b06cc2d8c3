package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// serving adds what serve and run need: a file of keys with one key, which it
// returns, and short waits.
func (w *world) serving() (key, file string) {
	w.Helper()
	key, line, err := relay.NewKey(ffc.PlatformFeatBit, w.environment(), "test", time.Time{})
	if err != nil {
		w.Fatal(err)
	}
	file = w.write(filepath.Join(w.TempDir(), "keys"), line+"\n")
	w.app.environ = append(w.app.environ, "FFC_RELAY_SERVE=127.0.0.1:0", "FFC_RELAY_KEYS="+file, "FFC_RELAY_DRAIN_WAIT=0s", "FFC_RELAY_DRAIN=0s", "FFC_RELAY_REFRESH=10ms")
	return key, file
}

// sdk returns a client of an address for SDKs, which is closed at the end of the
// test.
func (w *world) sdk(address, key string, t transport.Transport) *ffc.Client {
	w.Helper()
	client, err := ffc.New(w.Context(), ffc.Config{
		EnvSecret: key, BaseURL: "http://" + address, Transport: t, Events: flush.Config{Disabled: true}, Logger: testkit.Quiet(),
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = client.Close(context.WithoutCancel(w.Context())) })
	return client
}

func (w *world) evaluates(client *ffc.Client, flag, want string) {
	w.Helper()
	if got := client.Variation(w.Context(), flag, ffc.NewUser("u"), "fallback"); got != want {
		w.Errorf("%s is %q, want %q; status %+v", flag, got, want, client.Status())
	}
}

// TestServe: SDKs and readers get what the engine has, without the platform; keys
// are read again; the endpoints say what is served.
func TestServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, keys := w.serving()
	w.ok("publish", "-once")
	w.platform.Close()
	out := w.ok("serve", "-dry-run")
	if !strings.Contains(out, "prod: would serve revision ") || !strings.Contains(out, "keys: 1") {
		t.Errorf("the preview is %q", out)
	}
	s := w.start("serve")
	defer s.end()
	testkit.Eventually(t, "ready", func() bool { status, _ := s.get("/readyz"); return status == 200 })
	for _, tr := range []transport.Transport{
		&stream.Transport{}, &poll.Transport{}, &fleet.Transport{Backends: []fleet.Backend{fleet.HTTP{URL: "http://" + s.sdks + "/fleet"}}},
	} {
		w.evaluates(w.sdk(s.sdks, key, tr), "checkout", "old")
	}
	r := s.status().Environments["prod"]
	if r == nil || r.Served == nil || r.Served.State != "OK" || r.Served.Revision == 0 || r.Served.Websockets != 1 || r.Leader {
		t.Errorf("the status is %+v", r)
	}
	if c := s.status().Clients; len(c) != 1 || !strings.HasPrefix(c[0].Agent, "ffc-server-go-sdk") || c[0].Websockets != 1 || c[0].Polls != 2 {
		t.Errorf("the clients are %+v", c)
	}
	_, body := s.get("/metrics")
	for _, want := range []string{
		`ffc_relay_websockets{environment="prod"} 1`, `ffc_relay_requests_total{route="poll",code="200"} 1`, `ffc_relay_requests_total{route="fleet",code="200"} 2`,
		`ffc_relay_reported_revision_lag_seconds{environment="prod"} 0`, `ffc_relay_events_total{result="refused"} 0`, `ffc_relay_data_age_seconds{environment="prod"}`,
		`ffc_relay_revision{environment="prod"}`, `ffc_relay_config_reload_failed 0`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics lack %s:\n%s", want, body)
		}
	}
	if status, body := s.get("/api/public/sdk/server/latest-all"); status != 404 {
		t.Errorf("the address of the endpoints serves data: %d %s", status, body)
	}

	w.write(keys, "not a key")
	s.hangup()
	testkit.Eventually(t, "reload failed", func() bool { return s.status().Config != "" })
	w.evaluates(w.sdk(s.sdks, key, &poll.Transport{}), "checkout", "old")
	other, line, err := relay.NewKey(ffc.PlatformFeatBit, w.environment(), "other", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w.write(keys, line)
	s.hangup()
	testkit.Eventually(t, "the new key", func() bool {
		return w.sdk(s.sdks, other, &poll.Transport{}).Variation(t.Context(), "checkout", ffc.NewUser("u"), "fallback") == "old"
	})
	w.evaluates(w.sdk(s.sdks, key, &poll.Transport{}), "checkout", "fallback")
}

// TestServeFewerEnvironments: an environment that has two names is served as long as
// one of them is there, and metrics have no environment without a name.
func TestServeFewerEnvironments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, _ := w.serving()
	w.ok("publish", "-once")
	with := func(environments string) string { return `{"environments": {` + environments + `}}` }
	file := w.write(filepath.Join(t.TempDir(), "relay.json"), with(`"first": {"environment": "`+w.environment()+`"},
		"a": {"environment": "00000000-0000-0000-0000-00000000000a"}, "b": {"environment": "00000000-0000-0000-0000-00000000000b"}`))
	s := w.start("serve", "-config", file)
	defer s.end()
	w.evaluates(w.sdk(s.sdks, key, &poll.Transport{}), "checkout", "old")
	testkit.Eventually(t, "rooms", func() bool {
		_, body := s.get("/metrics")
		return strings.Contains(body, `ffc_relay_websockets{environment="a"}`) && strings.Contains(body, `ffc_relay_websockets{environment="b"}`)
	})
	w.write(file, with(""))
	s.hangup()
	testkit.Eventually(t, "removed", func() bool { return len(s.status().Environments) == 1 })
	if _, body := s.get("/metrics"); strings.Contains(body, `environment=""`) || !strings.Contains(body, `ffc_relay_websockets{environment="prod"} 0`) {
		t.Errorf("the metrics are\n%s", body)
	}
	w.evaluates(w.sdk(s.sdks, key, &poll.Transport{}), "checkout", "old")
}

// TestServeErrors: what serve and run need.
func TestServeErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fails(usage, "missing keys: set FFC_RELAY_KEYS", "serve")
	w.fails(usage, "missing keys", "run")
	w.app.environ = append(w.app.environ, "FFC_RELAY_KEYS=/does/not/exist")
	w.fails(usage, "/does/not/exist", "serve")
	w.ok("config") // which needs no keys
	w = newWorld(t)
	w.serving()
	w.fails(1, "no data of the environment", "serve", "-dry-run")
	w.fails(usage, `unknown environment "prdo"`, "serve", "prdo")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	w.app.environ = append(w.app.environ, "FFC_RELAY_SERVE="+taken.Addr().String())
	w.fails(1, "Set serve or FFC_RELAY_SERVE", "serve")
}

// TestRun: one process publishes and serves, from the engine while the platform is
// away. What it has published it serves at once.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, _ := w.serving()
	w.app.environ = append(w.app.environ, "FFC_RELAY_REFRESH=1h")
	s := w.start("run")
	client := w.sdk(s.sdks, key, &stream.Transport{})
	if err := client.WaitReady(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	w.platform.Put(ffctest.Flag("checkout").Variations("old", "new").Serve("new"))
	if err := w.platform.WaitSynced(testkit.Within(t), client); err != nil {
		t.Fatal(err)
	}
	w.evaluates(client, "checkout", "new")
	s.end()
	w.platform.Close()
	s = w.start("run")
	defer s.end()
	late := w.sdk(s.sdks, key, &stream.Transport{})
	if err := late.WaitReady(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	w.evaluates(late, "checkout", "new")
}

// TestServeWatches: an engine that can be watched makes a relay serve a change before
// the next read of the head.
func TestServeWatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inMemory(new(fleettest.Memory))
	key, _ := w.serving()
	w.app.environ = append(w.app.environ, "FFC_RELAY_REFRESH=1h")
	w.ok("publish", "-once")
	s := w.start("serve")
	defer s.end()
	client := w.sdk(s.sdks, key, &stream.Transport{})
	if err := client.WaitReady(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	value := "old"
	testkit.Eventually(t, "a change arrives", func() bool { // the first may come before the relay watches
		value = map[string]string{"old": "new", "new": "old"}[value]
		w.platform.Put(ffctest.Flag("checkout").Variations("old", "new").Serve(value))
		w.ok("publish", "-once")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return w.platform.WaitSynced(ctx, client) == nil
	})
}

// balancer is a load balancer of two relays, which asks /readyz.
type balancer struct {
	*httputil.ReverseProxy
	mu       sync.Mutex
	replicas []*served
	next     int
	server   *http.Server
	address  string
}

// pick returns the next replica that is ready.
func (b *balancer) pick() *served {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.replicas[b.next%len(b.replicas)]
}

func (b *balancer) add(s *served) {
	testkit.Eventually(s.w, "ready", func() bool { status, _ := s.get("/readyz"); return status == 200 })
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicas = append(b.replicas, s)
}

func (b *balancer) remove(s *served) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.replicas {
		if b.replicas[i] == s {
			b.replicas = append(b.replicas[:i:i], b.replicas[i+1:]...)
			return
		}
	}
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := new(balancer)
	b.ReverseProxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: b.pick().sdks})
	}, ErrorLog: log.New(io.Discard, "", 0)}
	listener, err := listenOn("127.0.0.1:0", "serve")
	if err != nil {
		t.Fatal(err)
	}
	b.address = listener.Addr().String()
	b.server = &http.Server{Handler: b}
	go func() { _ = b.server.Serve(listener) }()
	t.Cleanup(func() { _ = b.server.Close() })
	return b
}

// TestRollingRestart: while two relays behind a load balancer are restarted one after
// the other, under load, no request fails and no evaluation returns a fallback.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, _ := w.serving()
	w.app.environ = append(w.app.environ, "FFC_RELAY_DRAIN=100ms")
	w.ok("publish", "-once")
	b := newBalancer(t)
	first, second := w.start("serve"), w.start("serve")
	b.add(first)
	b.add(second)
	var polls, failures, fallbacks atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for retry.Sleep(ctx, time.Millisecond, nil) { // else all else waits for processors
				req, _ := http.NewRequest(http.MethodGet, "http://"+b.address+"/api/public/sdk/server/latest-all", nil)
				req.Header.Set("Authorization", key)
				resp, err := http.DefaultClient.Do(req)
				if err != nil || resp.StatusCode != 200 {
					failures.Add(1)
				}
				if err == nil {
					_ = resp.Body.Close()
				}
				polls.Add(1)
			}
		})
	}
	clients := make([]*ffc.Client, 20)
	for i := range clients {
		clients[i] = w.sdk(b.address, key, &stream.Transport{FirstRetry: time.Millisecond})
		load.Go(func() {
			for retry.Sleep(ctx, time.Millisecond, nil) {
				if clients[i].Variation(ctx, "checkout", ffc.NewUser("u"), "fallback") != "old" {
					fallbacks.Add(1)
				}
			}
		})
	}
	for range 2 {
		for _, s := range []**served{&first, &second} {
			b.remove(*s)
			(*s).end()
			*s = w.start("serve")
			b.add(*s)
		}
	}
	for _, client := range clients {
		testkit.Eventually(t, "connected again", func() bool { return client.Status().State == ffc.StateOK })
	}
	cancel()
	load.Wait()
	first.end()
	second.end()
	if failures.Load() > 0 || fallbacks.Load() > 0 || polls.Load() < 10 {
		t.Errorf("%d of %d polls failed, %d evaluations returned the fallback", failures.Load(), polls.Load(), fallbacks.Load())
	}
}
