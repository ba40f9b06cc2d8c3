package ffctest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

// mount serves a handler on a listener of the test's own, and returns it with
// its URL.
func mount(t *testing.T, cfg ffctest.HandlerConfig) *ffctest.Server {
	t.Helper()
	srv, err := ffctest.NewHandler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", srv)
	host := &http.Server{Handler: mux}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = host.Serve(listener) // always ErrServerClosed
	}()
	t.Cleanup(func() {
		_ = host.Close()
		srv.Close()
		<-ended
	})
	srv.URL = "http://" + listener.Addr().String()
	return srv
}

func TestHandler(t *testing.T) {
	t.Parallel()
	onBoth(t, "mounted", func(t *testing.T, g ffctest.Platform) {
		changed := make(chan struct{}, 1)
		srv := mount(t, ffctest.HandlerConfig{Platform: g, Data: g.Snapshot(ffctest.Flag("f")), PeersChanged: changed})
		if srv.EnvSecret != g.EnvSecret() {
			t.Errorf("got secret %q", srv.EnvSecret)
		}
		before := time.Now().Add(-time.Second).UnixMilli()
		if v := srv.Version(); v < before {
			t.Errorf("got version %d, want that of the clock", v)
		}
		c := dial(t, srv)
		<-changed
		peers := srv.Peers()
		if len(peers) != 1 || peers[0].ID != 1 || peers[0].Endpoint != ffctest.Streaming || peers[0].UserAgent != "Go-http-client/1.1" ||
			!strings.HasPrefix(peers[0].Address, "127.0.0.1:") || peers[0].Since.IsZero() {
			t.Errorf("got %+v", peers)
		}
		c.Ping()
		<-changed
		if p := srv.Peers()[0]; !p.Seen.After(peers[0].Seen) {
			t.Errorf("after a message the client was seen at %v, before it at %v", p.Seen, peers[0].Seen)
		}
		c.Read() // the pong
		srv.Put(ffctest.Flag("g"))
		c.Expect("patch g |")
		srv.FailNext(ffctest.Streaming, 1, ffctest.Failure{Reset: true})
		if _, _, err := tryDial(t, srv, query(srv, time.Now())); err == nil {
			t.Error("a connection that should be reset is open")
		}
		_ = c.WS.CloseNow()
		if err := srv.WaitConnections(testkit.Within(t), 0); err != nil {
			t.Fatal(err)
		}
		<-changed
		if peers := srv.Peers(); len(peers) != 0 {
			t.Errorf("got %+v", peers)
		}
	})
	if _, err := ffctest.NewHandler(ffctest.HandlerConfig{Data: []byte("{}")}); err == nil || !strings.HasPrefix(err.Error(), "ffctest: cannot use the data as data of classic") {
		t.Errorf("got %v", err)
	}
}

// TestDataOfAnotherPlatform: the error names the platform of the data.
func TestDataOfAnotherPlatform(t *testing.T) {
	t.Parallel()
	for p, other := range map[ffctest.Platform]ffctest.Platform{ffctest.Classic: ffctest.FeatBit, ffctest.FeatBit: ffctest.Classic} {
		data, want := other.Snapshot(ffctest.Flag("a")), fmt.Sprintf("as data of %v: they are data of %v", p, other)
		expectPanic(t, want, func() { p.NewServer(data) })
		if _, err := ffctest.NewHandler(ffctest.HandlerConfig{Platform: p, Data: data}); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestHandlerAfterAnother: no patch would do for a client of another server.
func TestHandlerAfterAnother(t *testing.T) {
	t.Parallel()
	onBoth(t, "after another", func(t *testing.T, g ffctest.Platform) {
		srv := mount(t, ffctest.HandlerConfig{Platform: g, Data: g.Snapshot(ffctest.Flag("a"), ffctest.Segment("s"))})
		c := dial(t, srv)
		began := srv.Version()
		srv.Put(ffctest.Flag("b"))
		c.Expect("patch b |")
		tests := []struct {
			name    string
			version int64
			want    string
		}{
			{"before it began", began - 1, "full b a | s"},
			{"when it began", began, "patch b |"},
			{"the newest", srv.Version(), "patch |"},
			{"what it has not reached", srv.Version() + 1, "full b a | s"},
		}
		for _, tt := range tests {
			c.Sync(tt.version)
			if got := servertest.Summary(c.Read()); got != tt.want {
				t.Errorf("%s: got %q over a websocket, want %q", tt.name, got, tt.want)
			}
			if g == ffctest.Classic {
				continue // polling knows no version
			}
			url := fmt.Sprintf("%s/api/public/sdk/server/latest-all?timestamp=%d", srv.URL, tt.version)
			a, err := servertest.Try(testkit.Within(t), "GET", url, "", http.Header{"Authorization": {srv.EnvSecret}})
			if tt.want == "patch |" {
				tt.want = "" // polling answers nothing then
			}
			if err != nil || servertest.Summary([]byte(a.Body)) != tt.want {
				t.Errorf("%s: got %q by polling, %v, want %q", tt.name, servertest.Summary([]byte(a.Body)), err, tt.want)
			}
		}

		empty := mount(t, ffctest.HandlerConfig{Platform: g})
		c = dial(t, empty)
		empty.Put(ffctest.Flag("a"))
		c.Expect("patch a |")
		c.Sync(began - 1000) // from one of a second ago: srv may have begun in the same millisecond as this one
		c.Expect("full a |")
	})
}

func TestPollingPeers(t *testing.T) {
	t.Parallel()
	srv := mount(t, ffctest.HandlerConfig{})
	for _, agent := range []string{"one", "two", "one", strings.Repeat("long", 100)} {
		header := withSecret(srv.EnvSecret)
		header.Set("User-Agent", agent)
		if a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+pollPath, "", header); err != nil || a.Status != 200 {
			t.Fatalf("got %d, %v", a.Status, err)
		}
	}
	if a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+pollPath, "", http.Header{"User-Agent": {"refused"}}); err != nil || a.Status != 401 {
		t.Fatalf("got %d, %v", a.Status, err)
	}
	// A client that cannot set User-Agent names itself all the same.
	header := withSecret(srv.EnvSecret)
	header.Set("User-Agent", "a library")
	header.Set("X-User-Agent", "ffc-python-server-sdk")
	if a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+pollPath, "", header); err != nil || a.Status != 200 {
		t.Fatalf("got %d, %v", a.Status, err)
	}
	peers := srv.Peers()
	if len(peers) != 4 || peers[3].UserAgent != "ffc-python-server-sdk" || peers[0].UserAgent != "one" || peers[1].UserAgent != "two" || len(peers[2].UserAgent) != 200 {
		t.Fatalf("got %+v", peers)
	}
	if p := peers[0]; p.Endpoint != ffctest.Polling || p.Address != "127.0.0.1" || !p.Seen.After(p.Since) || p.Since.After(peers[1].Since) {
		t.Errorf("got %+v", p)
	}
	for i := range 1100 {
		header := withSecret(srv.EnvSecret)
		header.Set("User-Agent", fmt.Sprint("agent ", i))
		req, _ := http.NewRequestWithContext(t.Context(), "GET", pollPath, nil)
		req.Header, req.RemoteAddr = header, "192.0.2.1:1"
		srv.ServeHTTP(discard{}, req)
	}
	if peers = srv.Peers(); len(peers) != 1000 || peers[0].UserAgent == "one" {
		t.Errorf("got %d clients, the first %q", len(peers), peers[0].UserAgent)
	}
}

// discard is a response whose body is not read.
type discard struct{}

func (discard) Header() http.Header         { return make(http.Header) }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

func TestKeep(t *testing.T) {
	t.Parallel()
	for keep, want := range map[int]int{0: 10, 3: 3, -1: 0} {
		var heard []string
		srv := mount(t, ffctest.HandlerConfig{Keep: keep, OnEvents: func(events []ffctest.Event) {
			for _, e := range events {
				heard = append(heard, e.Metric)
			}
		}})
		for i := range 10 {
			post(t, srv, fmt.Sprintf(`[{"user":{"keyId":"u"},"metrics":[{"eventName":"m%d","numericValue":1}]}]`, i))
		}
		events, err := srv.WaitEvents(testkit.Within(t), 10)
		if err != nil || len(events) != want || want > 0 && events[want-1].Metric != "m9" {
			t.Errorf("keeping %d: got %v, %v", keep, events, err)
		}
		requests, err := srv.WaitRequests(testkit.Within(t), ffctest.Events, 10)
		if err != nil || len(requests) != want || want > 0 && (requests[want-1].Status != 200 || !strings.Contains(string(requests[want-1].Body), "m9")) {
			t.Errorf("keeping %d: got %v, %v", keep, requests, err)
		}
		if got := strings.Join(heard, " "); got != "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9" {
			t.Errorf("keeping %d: heard of %s", keep, got)
		}
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	onBoth(t, "replace", func(t *testing.T, g ffctest.Platform) {
		srv := mount(t, ffctest.HandlerConfig{Platform: g, Data: g.Snapshot(ffctest.Flag("a"), ffctest.Flag("b"), ffctest.Flag("c"), ffctest.Segment("s"))})
		c := dial(t, srv)
		replace := func(items ...ffctest.Item) {
			t.Helper()
			if err := srv.Replace(g.Snapshot(items...)); err != nil {
				t.Fatal(err)
			}
		}
		version := srv.Version()
		replace(ffctest.Segment("s"), ffctest.Flag("c").Version(version+1), ffctest.Flag("b"), ffctest.Flag("a")) // other versions only
		replace(ffctest.Flag("a"), ffctest.Flag("b").Off(), ffctest.Flag("d"), ffctest.Segment("s"))
		for _, want := range []string{"patch d |", "patch b |", "patch -c |"} {
			c.Expect(want)
		}
		if v := srv.Version(); v <= version {
			t.Errorf("got version %d after %d", v, version)
		}
		replace(ffctest.Flag("c"))
		for _, want := range []string{"patch c |", "patch -b |", "patch -d |", "patch -a |", "patch | -s"} {
			c.Expect(want)
		}
		held := string(srv.Snapshot())
		for _, bad := range []string{``, `{}`, `{"featureFlags":[{}]}`} {
			if err := srv.Replace([]byte(bad)); err == nil {
				t.Errorf("%q was taken", bad)
			}
		}
		if g == ffctest.Classic {
			other := strings.ReplaceAll(held, "__11__22__33__", "__7__8__9__")
			if err := srv.Replace([]byte(other)); err == nil || !strings.Contains(err.Error(), "another environment") {
				t.Errorf("got %v", err)
			}
		}
		if string(srv.Snapshot()) != held {
			t.Error("a mistake has changed something")
		}
	})
}

// TestHandlerCloseLeavesNothing must not run beside other tests: it counts
// goroutines.
func TestHandlerCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("all", func(t *testing.T) {
		srv := mount(t, ffctest.HandlerConfig{Data: ffctest.Snapshot(ffctest.Flag("f"))})
		c := dial(t, srv)
		c.Sync(0)
		c.Expect("full f |")
		srv.Stall(ffctest.Polling)
		polled := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			_, err := servertest.Try(ctx, "GET", srv.URL+pollPath, "", withSecret(srv.EnvSecret))
			polled <- err
		}()
		if _, err := srv.WaitRequests(testkit.Within(t), ffctest.Polling, 1); err != nil {
			t.Fatal(err)
		}
		srv.Close()
		if err := <-polled; err == nil {
			t.Error("a stalled request was answered")
		}
		c.ExpectEnd(-1, "")
		if _, err := servertest.Try(ctx, "GET", srv.URL+pollPath, "", withSecret(srv.EnvSecret)); err == nil {
			t.Error("a request after Close was answered")
		}
	})
	testkit.GoroutinesEnd(t, before)
}

func TestItemJSON(t *testing.T) {
	t.Parallel()
	for _, g := range platforms.All() {
		srv, err := ffctest.NewHandler(ffctest.HandlerConfig{Platform: g, Data: g.Snapshot(ffctest.Flag("f"), ffctest.Segment("s"))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Close)
		for what, get := range map[string]func(string) ([]byte, int64){"f": srv.FlagJSON, "s": srv.SegmentJSON} {
			raw, version := get(what)
			if !json.Valid(raw) || version != srv.Version() || !bytes.Contains(srv.Snapshot(), raw) {
				t.Errorf("%v: %s is %s at %d", g, what, raw, version)
			}
			if raw, version := get("nope"); raw != nil || version != 0 {
				t.Errorf("%v: got %s at %d", g, raw, version)
			}
		}
		before, _ := srv.FlagJSON("f")
		srv.Archive("f")
		if after, version := srv.FlagJSON("f"); !bytes.Contains(after, []byte(`"isArchived":true`)) || bytes.Equal(before, after) || version != srv.Version() {
			t.Errorf("%v: the archived flag is %s at %d", g, after, version)
		}
	}
}
