package ffctest_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

func TestNewServerData(t *testing.T) {
	t.Parallel()
	flagOf := func(id string) string { return `{"id":"` + id + `","timestamp":5}` }
	good := []struct {
		name, data, secret, want string
	}{
		{"whole message", `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[` + flagOf("FF__11__22__33__a") + `]}}`, ffctest.EnvSecret, "full a |"},
		{"patch is a full", `{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":null,"segments":[{"id":"s"}]}}`, ffctest.EnvSecret, "full | s"},
		{"bare data", `{"featureFlags":[` + flagOf("FF__11__22__33__a") + `]}`, ffctest.EnvSecret, "full a |"},
		{"archived is kept out", `{"segments":[{"id":"s","isArchived":true,"timestamp":1}]}`, ffctest.EnvSecret, "full |"},
		{"other environment", `{"featureFlags":[` + flagOf("FF__7__8__9__x__y") + `]}`,
			"ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fN19fOF9fOV9fZGVmYXVsdF85YzBkZQ==", "full y |"},
	}
	for _, tt := range good {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := ffctest.NewServer([]byte(tt.data))
			defer srv.Close()
			if srv.EnvSecret != tt.secret {
				t.Errorf("got secret %q, want %q", srv.EnvSecret, tt.secret)
			}
			c := dial(t, srv)
			c.Sync(0)
			c.Expect(tt.want)
		})
	}
	bad := []struct{ name, data, want string }{
		{"empty", ``, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"array", `[]`, "not a JSON object"},
		{"nothing known", `{}`, "neither"},
		{"other message", `{"messageType":"pong","data":{}}`, "messageType"},
		{"no data", `{"messageType":"data-sync"}`, "data is not an object"},
		{"other event type", `{"eventType":"partial","segments":[]}`, "eventType"},
		{"flags are not an array", `{"featureFlags":{}}`, "featureFlags"},
		{"flag without id", `{"featureFlags":[{}]}`, "item 0: no id"},
		{"flag is a number", `{"featureFlags":[1]}`, "item 0: no id"},
		{"version is text", `{"segments":[{"id":"s","timestamp":"1"}]}`, "timestamp"},
		{"id of no environment", `{"featureFlags":[` + flagOf("checkout") + `]}`, "is not FF__"},
		{"id with zero", `{"featureFlags":[` + flagOf("FF__0__1__1__a") + `]}`, "is not FF__"},
		{"id with a sign", `{"featureFlags":[` + flagOf("FF__+1__1__1__a") + `]}`, "is not FF__"},
		{"two environments", `{"featureFlags":[` + flagOf("FF__1__1__1__a") + `,` + flagOf("FF__1__1__2__a") + `]}`, "another environment"},
		{"same id twice", `{"segments":[{"id":"s"},{"id":"s"}]}`, `a second "s"`},
	}
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expectPanic(t, tt.want, func() { ffctest.NewServer([]byte(tt.data)).Close() })
		})
	}
}

func TestNoDataIsAnEmptyEnvironment(t *testing.T) {
	t.Parallel()
	srv := ffctest.NewServer(nil)
	defer srv.Close()
	if got := srv.Version(); got != 0 {
		t.Errorf("got version %d, want 0", got)
	}
	c := dial(t, srv)
	c.Sync(0)
	if got, want := string(c.Read()), `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[],"userTags":[]}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSnapshotMakesAnEqualServer(t *testing.T) {
	t.Parallel()
	data := `{"featureFlags":[{"id":"FF__7__8__9__a","timestamp":3,"extra":[1, 2],"ff":{"status":"Enabled"}}],` +
		`"userTags":[{"id":"t","timestamp":9}]}`
	first := ffctest.NewServer([]byte(data))
	defer first.Close()
	first.Put(ffctest.Flag("b"), ffctest.Segment("s"), ffctest.Segment("gone"))
	first.Archive("a")
	first.ArchiveSegment("gone")

	second := ffctest.NewServer(first.Snapshot())
	defer second.Close()
	if got, want := string(second.Snapshot()), string(first.Snapshot()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := second.Version(), first.Version(); got != want {
		t.Errorf("got version %d, want %d", got, want)
	}
	for _, part := range []string{`"extra":[1,2]`, `"id":"FF__7__8__9__b"`, `{"id":"t","timestamp":9}`} {
		if !strings.Contains(string(first.Snapshot()), part) {
			t.Errorf("no %s in %s", part, first.Snapshot())
		}
	}
}

func TestVersionsAlwaysRise(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	before := time.Now().UnixMilli()
	last := int64(0)
	for range 50 {
		srv.Put(ffctest.Flag("f"))
		if v := srv.Version(); v <= last {
			t.Fatalf("version %d after %d", v, last)
		} else {
			last = v
		}
	}
	if last < before || last > before+time.Minute.Milliseconds() {
		t.Errorf("version %d is not the time, which was %d", last, before)
	}
	srv.Archive("f")
	if v := srv.Version(); v <= last {
		t.Errorf("archiving left version %d after %d", v, last)
	}
	const high = int64(1 << 50)
	srv.Put(ffctest.Flag("f").Version(high))
	srv.Put(ffctest.Flag("f").Version(7)) // kept, but the server remembers
	srv.Put(ffctest.Segment("s"))
	if v := srv.Version(); v != high+1 {
		t.Errorf("got version %d, want %d", v, high+1)
	}
	if !strings.Contains(string(srv.Snapshot()), `"timestamp":7,`) {
		t.Errorf("no version 7 in %s", srv.Snapshot())
	}
}

func TestArchiveNeedsSomethingToArchive(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	expectPanic(t, `no "FF__11__22__33__f" to archive`, func() { srv.Archive("f") })
	expectPanic(t, `no "s" to archive`, func() { srv.ArchiveSegment("s") })
	srv.Put(ffctest.Flag("after")) // the lock is free
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	tests := []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 404},
		{"GET", "/streaming", 404}, // not an upgrade
		{"GET", "/streaming/", 404},
		{"POST", "/api/public/track/", 404},
		{"POST", "//api/public/track", 404},
		{"POST", "/api/public/insight/track", 404},
		{"GET", "/api/public/sdk/latest-feature-flags", 404},
		{"GET", "/api/public/track", 405},
	}
	for _, tt := range tests {
		a, err := servertest.Try(testkit.Within(t), tt.method, srv.URL+tt.path, "", nil)
		if err != nil || a.Status != tt.want {
			t.Errorf("%s %s: got %d, %v, want %d", tt.method, tt.path, a.Status, err, tt.want)
		}
	}
	if n := len(srv.Requests(ffctest.Events)); n != 0 {
		t.Errorf("%d requests recorded, want none", n)
	}
}

// TestCloseLeavesNothing must not run beside other tests: it counts goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	start := runtime.NumGoroutine()
	srv := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("f")))
	ctx := testkit.Within(t)

	// One of everything that can be under way.
	idle, silent := dial(t, srv), dial(t, srv)
	idle.Sync(0)
	idle.Expect("full f |")
	srv.CloseConnections(1001, "") // the client does not read, so it does not respond
	silent.Ping()
	stalled := dial(t, srv)
	srv.Stall(ffctest.Streaming)
	srv.Stall(ffctest.Events)
	srv.Stall(ffctest.Polling)
	stalled.Sync(0)
	srv.FailNext(ffctest.Streaming, 1, ffctest.Failure{Status: 4003})
	refused := dial(t, srv)
	var wg sync.WaitGroup
	wg.Go(func() {
		if a, err := servertest.Try(ctx, "POST", srv.URL+"/api/public/track", "[]", trackHeader(srv.EnvSecret)); err == nil {
			t.Errorf("a stalled request was answered %d", a.Status)
		}
	})
	wg.Go(func() {
		if _, err := srv.WaitEvents(ctx, 1); err == nil || !strings.Contains(err.Error(), "server closed") {
			t.Errorf("got %v from a wait, want server closed", err)
		}
	})
	wg.Go(func() {
		if a, err := servertest.Try(ctx, "GET", srv.URL+pollPath, "", withSecret(srv.EnvSecret)); err == nil {
			t.Errorf("a stalled request was answered %d", a.Status)
		}
	})
	if _, err := srv.WaitRequests(ctx, ffctest.Events, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := srv.WaitRequests(ctx, ffctest.Polling, 1); err != nil {
		t.Fatal(err)
	}

	for range 2 {
		wg.Go(srv.Close)
	}
	wg.Wait()
	srv.Close()
	if n := srv.Connections(); n != 0 {
		t.Errorf("%d connections after Close", n)
	}
	srv.Put(ffctest.Flag("late")) // harmless
	if _, err := srv.WaitEvents(ctx, 1); err == nil {
		t.Error("a wait after Close succeeded")
	}
	for _, c := range []*client{idle, silent, stalled, refused} {
		_ = c.WS.CloseNow()
	}
	testkit.GoroutinesEnd(t, start)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("f"))
	const rounds = 30
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range rounds {
				c, _, err := tryDial(t, srv, query(srv, time.Now()))
				if err != nil {
					continue // refused or cut on the way, as ordered below
				}
				_ = c.WS.Write(testkit.Within(t), 1, []byte(`{"messageType":"data-sync","data":{"timestamp":0}}`))
				if _, frame, err := c.WS.Read(testkit.Within(t)); err == nil && !json.Valid(frame) {
					t.Errorf("half a message: %s", frame)
				}
				_ = c.WS.CloseNow()
			}
		})
	}
	wg.Go(func() {
		for range rounds {
			srv.Put(ffctest.Flag("f"), ffctest.Segment("s"))
			srv.ArchiveSegment("s")
			srv.Send([]byte("{}"))
			srv.Stall(ffctest.Streaming)()
			srv.FailNext(ffctest.Streaming, 1, ffctest.Failure{Reset: true})
			srv.DropConnections()
			srv.CloseConnections(1000, "")
			srv.Skew(time.Second)
		}
	})
	wg.Go(func() {
		for range rounds {
			post(t, srv, `[{"user":{"keyId":"u"},"metrics":[{"eventName":"m","numericValue":1}]}]`)
			srv.Events()
			srv.Requests(ffctest.Events)
			srv.Snapshot()
			srv.Version()
			srv.Connections()
			srv.Dropped()
		}
	})
	wg.Wait()
	if _, err := srv.WaitEvents(testkit.Within(t), rounds); err != nil {
		t.Error(err)
	}
	if err := srv.WaitConnections(testkit.Within(t), 0); err != nil {
		t.Error(err)
	}
}

// TestSnapshotOfKeys: flags by their keys, those that exist, and all segments.
func TestSnapshotOfKeys(t *testing.T) {
	t.Parallel()
	for _, p := range platforms.All() {
		srv := p.NewServer(p.Snapshot(ffctest.Flag("a"), ffctest.Flag("b"), ffctest.Flag("c"), ffctest.Segment("s").Include("u")))
		defer srv.Close()
		part := p.NewServer(srv.Snapshot("c", "nope", "a"))
		defer part.Close()
		text, all := string(part.Snapshot()), string(srv.Snapshot())
		for name, want := range map[string]bool{"a": true, "b": false, "c": true, "nope": false, "s": true} {
			if strings.Contains(text, `"`+name+`"`) != want {
				t.Errorf("%v: %s: want %v in %s", p, name, want, text)
			}
		}
		if !strings.Contains(all, `"b"`) {
			t.Errorf("%v: the server has lost a flag: %s", p, all)
		}
	}
}
