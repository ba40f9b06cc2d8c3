package relay_test

import (
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// relayed is a platform with a relay in front of it, which gets its data by
// websocket.
type relayed struct {
	testing.TB
	kind        ffctest.Platform
	platform    *ffctest.Server
	environment string
	client      *ffc.Client // of the relay
	handler     *relay.Handler
	url, key    string
	own         *http.Client // servers of other tests close idle connections of http.DefaultClient

	mu   sync.Mutex
	keys *relay.Keys
}

// newRelayed starts a relay. change may change the handler; nil leaves it.
func newRelayed(t testing.TB, kind ffctest.Platform, change func(*relayed), items ...ffctest.Item) *relayed {
	t.Helper()
	r := &relayed{TB: t, kind: kind, platform: kind.NewServer(kind.Snapshot(items...))}
	t.Cleanup(r.platform.Close)
	protocol, err := registry.ProtocolOf(kind.String())
	if err != nil {
		t.Fatal(err)
	}
	r.environment = protocol.Environment(r.platform.EnvSecret)
	var line string
	r.key, line = r.newKey(time.Time{})
	r.setKeys(line)
	r.client, err = ffc.New(t.Context(), ffc.Config{
		EnvSecret: r.platform.EnvSecret, BaseURL: r.platform.URL, Transport: &stream.Transport{}, Events: flush.Config{Disabled: true},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.handler = &relay.Handler{
		Reader: func(environment string) (*ffc.Client, bool) { return r.client, environment == r.environment },
		Keys: func(key string) (string, bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.keys.Environment(key)
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(r)
	}
	server := httptest.NewServer(r.handler)
	r.url, r.own = server.URL, server.Client()
	t.Cleanup(func() {
		r.handler.Close()
		server.Close()
		_ = r.client.Close(context.WithoutCancel(t.Context()))
	})
	return r
}

func (r *relayed) newKey(until time.Time) (key, line string) {
	r.Helper()
	key, line, err := relay.NewKey(ffc.Platform(r.kind.String()), r.environment, "test", until)
	if err != nil {
		r.Fatal(err)
	}
	return key, line
}

func (r *relayed) setKeys(lines ...string) {
	r.Helper()
	keys, err := relay.ParseKeys([]byte(strings.Join(lines, "\n")))
	if err != nil {
		r.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
}

// sdk returns a client of the relay, which is closed at the end of the test.
func (r *relayed) sdk(t transport.Transport) *ffc.Client {
	r.Helper()
	client, err := ffc.New(r.Context(), ffc.Config{
		EnvSecret: r.key, BaseURL: r.url, Transport: t, Events: flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = client.Close(context.WithoutCancel(r.Context())) })
	return client
}

// get sends a polling request to the relay. header is as in send.
func (r *relayed) get(path string, header ...string) (*http.Response, string) {
	r.Helper()
	return r.request(http.MethodGet, path, header...)
}

func (r *relayed) request(method, path string, header ...string) (*http.Response, string) {
	r.Helper()
	name := "envSecret"
	if r.kind == ffctest.FeatBit {
		name = "Authorization"
	}
	resp, body, err := send(r.Context(), r.own, method, r.url+path, nil, append([]string{name, r.key}, header...)...)
	if err != nil {
		r.Fatal(err)
	}
	return resp, body
}

// send sends a request, with JSON if it has a body, and returns the response and its body.
// header has names and values in turn, of which the last counts.
func send(ctx context.Context, client *http.Client, method, address string, body io.Reader, header ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, "", err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func pollPath(p ffctest.Platform) string {
	if p == ffctest.FeatBit {
		return pollRoute
	}
	return "/api/public/sdk/latest-feature-flags"
}

func eachPlatform(t *testing.T, test func(t *testing.T, p ffctest.Platform)) {
	t.Helper()
	for _, p := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// TestHandlerServesSDKs: clients of the relay have what the platform has, and get
// its changes.
func TestHandlerServesSDKs(t *testing.T) {
	t.Parallel()
	eachPlatform(t, func(t *testing.T, p ffctest.Platform) {
		for _, test := range []struct {
			name      string
			transport func() transport.Transport
		}{
			{"stream", func() transport.Transport { return &stream.Transport{} }},
			{"stream on demand", func() transport.Transport { return &stream.Transport{OnDemand: true, MaxAge: time.Millisecond} }},
			{"poll", func() transport.Transport { return &poll.Transport{MaxAge: time.Millisecond} }},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				often := func(r *relayed) { r.handler.Interval = 100 * time.Millisecond }
				r := newRelayed(t, p, often, ffctest.Segment("beta").Include("ann"),
					ffctest.Flag("a").Variations("off", "on").Serve("off").Rule("on", ffctest.InSegment("beta")), ffctest.Flag("b").Serve("true"))
				client := r.sdk(test.transport())
				ann := ffc.NewUser("ann")
				if got := client.Variation(t.Context(), "a", ann, "none"); got != "on" {
					t.Errorf("a is %q, want on; status %+v", got, client.Status())
				}
				ctx := testkit.Within(t)
				r.platform.Put(ffctest.Flag("a").Variations("off", "on").Serve("off"), ffctest.Flag("c").Serve("true"))
				if err := r.platform.WaitSynced(ctx, client); err != nil {
					t.Error(err)
				}
				if got := client.Variation(t.Context(), "a", ann, "none"); got != "off" {
					t.Errorf("after the change a is %q, want off", got)
				}
				r.platform.Put(ffctest.Segment("beta").Include("bob"))
				r.platform.Put(ffctest.Segment("unused").Include("bob"))
				if err := r.platform.WaitSynced(ctx, client); err != nil {
					t.Error(err)
				}
				r.platform.Archive("b")
				if test.name == "stream" {
					if err := r.platform.WaitSynced(ctx, client); err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
}

// TestHandlerPolling: entity tags, compression, ages and statuses.
func TestHandlerPolling(t *testing.T) {
	t.Parallel()
	eachPlatform(t, func(t *testing.T, p ffctest.Platform) {
		r := newRelayed(t, p, nil, ffctest.Flag("a"), ffctest.Segment("s").Include("u"))
		path := pollPath(p)
		resp, body := r.get(path)
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"featureFlags":[{`) || !strings.Contains(body, `"segments":[{`) {
			t.Fatalf("got %d %s", resp.StatusCode, body)
		}
		tag := resp.Header.Get("Etag")
		if tag == "" || resp.Header.Get("Age") == "" || resp.Header.Get("Ffc-As-Of") == "" {
			t.Errorf("the headers are %v", resp.Header)
		}
		if resp.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(resp.Header.Get("Vary"), "Authorization, envSecret") {
			t.Errorf("caches may mix the data of keys: %v", resp.Header)
		}
		if head, _ := r.request(http.MethodHead, path); head.ContentLength != int64(len(body)) {
			t.Errorf("HEAD got a length of %d, want %d", head.ContentLength, len(body))
		}
		again, none := r.get(path, "If-None-Match", `"other", `+tag)
		if again.StatusCode != http.StatusNotModified || none != "" || again.Header.Get("Ffc-As-Of") == "" {
			t.Errorf("got %d %q with headers %v", again.StatusCode, none, again.Header)
		}
		if counts := r.handler.Stats().Requests; !slices.Equal(counts, []relay.RequestCount{{Route: "poll", Status: 200, Count: 2}, {Route: "poll", Status: 304, Count: 1}}) {
			t.Errorf("the responses count as %+v", counts)
		}
		if node, _ := r.get(path, "X-User-Agent", "node/1.3.0"); node.StatusCode != http.StatusOK || node.Header.Get("Etag") != "" {
			t.Errorf("FeatBit's SDK for Node got %d with the entity tag %q", node.StatusCode, node.Header.Get("Etag"))
		}
		zipped, small := r.get(path, "Accept-Encoding", "br;q=1, gzip")
		z, err := gzip.NewReader(strings.NewReader(small))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(z); err != nil || string(plain) != body || zipped.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("the compressed body is %q, %v, want %q", plain, err, body)
		}
		if plain, _ := r.get(path, "Accept-Encoding", "gzip;q=0"); plain.Header.Get("Content-Encoding") != "" {
			t.Error("gzip was sent to a client that does not take it")
		}
		for _, name := range []string{"envSecret", "Authorization"} {
			key := r.key
			r.key = ""
			if resp, _ := r.get(path, name, "wrong"); resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("a wrong key got %d", resp.StatusCode)
			}
			r.key = key
		}
		if resp, _ := r.get("/api/public/sdk/client/latest-all"); resp.StatusCode != http.StatusNotFound {
			t.Errorf("a client-side SDK got %d", resp.StatusCode)
		}
		if p == ffctest.FeatBit {
			version := r.platform.Version()
			if resp, body := r.get(path + "?timestamp=" + strconv.FormatInt(version, 10)); resp.StatusCode != http.StatusOK || body != "" {
				t.Errorf("a client with all data got %d %q", resp.StatusCode, body)
			}
			if resp, _ := r.get(path + "?timestamp=1x"); resp.StatusCode != http.StatusBadRequest {
				t.Errorf("an invalid timestamp got %d", resp.StatusCode)
			}
			if !slices.Contains(r.handler.Stats().Requests, relay.RequestCount{Route: "poll", Status: 400, Count: 1}) {
				t.Error("an invalid timestamp is not counted")
			}
		} else if resp, _ := r.get(path + "?timestamp=1x"); resp.StatusCode != http.StatusOK {
			t.Errorf("a parameter that the platform does not have got %d", resp.StatusCode)
		}
	})
}

// TestHandlerWithoutData: 503 until there is data, never 401.
func TestHandlerWithoutData(t *testing.T) {
	t.Parallel()
	eachPlatform(t, func(t *testing.T, p ffctest.Platform) {
		r := newRelayed(t, p, func(r *relayed) {
			r.platform.Stall(ffctest.Streaming)
			_ = r.client.Close(t.Context())
			var err error
			r.client, err = ffc.New(t.Context(), ffc.Config{
				EnvSecret: r.platform.EnvSecret, BaseURL: r.platform.URL, Transport: &stream.Transport{}, StartWait: -1, Events: flush.Config{Disabled: true},
				Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
		}, ffctest.Flag("a"))
		if resp, _ := r.get(pollPath(p)); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("got %d with headers %v", resp.StatusCode, resp.Header)
		}
	})
}

// TestClientCounts: clients are counted by their User-Agent, of which there are not
// many.
func TestClientCounts(t *testing.T) {
	t.Parallel()
	r := newRelayed(t, ffctest.FeatBit, nil, ffctest.Flag("a"))
	client := r.sdk(&stream.Transport{})
	if err := client.WaitReady(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 500)
	r.get(pollPath(r.kind), "User-Agent", long)
	for i := range 150 {
		r.get(pollPath(r.kind), "User-Agent", "agent "+strconv.Itoa(i))
	}
	r.get(pollPath(r.kind), "User-Agent", "ignored", "X-User-Agent", "agent 0")
	counts := r.handler.Stats().Clients
	by := make(map[string]relay.ClientCount)
	var polls uint64
	for _, c := range counts {
		by[c.Agent] = c
		polls += c.Polls
	}
	if len(counts) > 101 || polls != 152 || by[long[:80]].Polls != 1 || by["agent 0"].Polls != 2 || by["other"].Polls == 0 {
		t.Errorf("%d agents, %d polls: %+v", len(counts), polls, counts)
	}
	if own := by[httpclient.UserAgent()]; own.Websockets != 1 {
		t.Errorf("%+v: want one websocket of %s", counts, httpclient.UserAgent())
	}
}

// confirmedAt is a transport whose data the platform confirmed at a time.
type confirmedAt struct {
	data []byte
	asOf time.Time
}

// Open implements transport.Transport.
func (c confirmedAt) Open(env transport.Env) (transport.Session, error) {
	return confirmedSession{c, env.Store}, nil
}

type confirmedSession struct {
	confirmedAt
	store transport.Store
}

// Run implements transport.Runner.
func (s confirmedSession) Run(ctx context.Context) {
	if _, err := s.store.ApplyAsOf(s.data, s.store.Mark(), s.asOf); err == nil {
		s.store.ConfirmAsOf(s.asOf)
	}
	<-ctx.Done()
}

// Stats implements transport.Session.
func (confirmedSession) Stats() transport.Stats { return transport.Stats{} }

// newStill starts a relay whose data the platform confirmed some time ago.
func newStill(t *testing.T, p ffctest.Platform, age time.Duration, items ...ffctest.Item) *relayed {
	t.Helper()
	return newRelayed(t, p, func(r *relayed) {
		_ = r.client.Close(t.Context())
		var err error
		r.client, err = ffc.New(t.Context(), ffc.Config{
			EnvSecret: r.platform.EnvSecret, BaseURL: r.platform.URL, Events: flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
			Transport: confirmedAt{r.platform.Snapshot(), time.Now().Add(-age)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}, items...)
}

// TestAgeBehindRelay: DataAge of a relay's client counts from when the platform
// confirmed the data, also after an answer that nothing has changed.
func TestAgeBehindRelay(t *testing.T) {
	t.Parallel()
	eachPlatform(t, func(t *testing.T, p ffctest.Platform) {
		r := newStill(t, p, time.Hour, ffctest.Flag("a").Serve("true"))
		for name, transport := range map[string]transport.Transport{
			"stream": &stream.Transport{}, "poll": &poll.Transport{MaxAge: time.Nanosecond},
		} {
			client := r.sdk(transport)
			for i := range 2 {
				if err := client.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
				if s := client.Status(); s.State != ffc.StateOK || s.DataAge < time.Hour || s.DataAge > 2*time.Hour {
					t.Errorf("%s, %d: the status is %+v, want an age of 1 h", name, i, s)
				}
			}
		}
	})
}

// TestStatsBesideTheFirstRequest: the race detector watches.
func TestStatsBesideTheFirstRequest(t *testing.T) {
	t.Parallel()
	h := &relay.Handler{
		Reader: func(string) (*ffc.Client, bool) { return nil, false },
		Keys:   func(string) (string, bool) { return "", false },
	}
	defer h.Close()
	var calls sync.WaitGroup
	calls.Go(func() { h.Refresh("FF__11__22__33") })
	calls.Go(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)) })
	calls.Go(func() {
		if s := h.Stats(); len(s.Websockets) > 0 {
			t.Errorf("%v websockets", s.Websockets)
		}
	})
	calls.Wait()
}

// TestServerContract: a relay passes the tests of the server of ffctest.
func TestServerContract(t *testing.T) {
	t.Parallel()
	servertest.Run(t, func(t *testing.T, p ffctest.Platform, items ...ffctest.Item) *servertest.Server {
		r := newRelayed(t, p, func(r *relayed) { r.handler.Events = new(shelf) }, items...)
		return &servertest.Server{
			URL: r.url, Secret: r.key, Put: r.platform.Put, Archive: r.platform.Archive,
			Events: func() int { return int(r.handler.Stats().EventsAccepted) },
		}
	})
}
