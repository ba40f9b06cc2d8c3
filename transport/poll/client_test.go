package poll_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// newClient returns a client of the whole SDK. Its data is always stale.
func newClient(t testing.TB, url string, settings *poll.Transport, configure func(*ffc.Config)) *ffc.Client {
	t.Helper()
	settings.MaxAge = max(settings.MaxAge, 1)
	settings.Budget = max(settings.Budget, budget)
	cfg := ffc.Config{
		EnvSecret: ffctest.EnvSecret,
		BaseURL:   url,
		Transport: settings,
		Logger:    slog.New(slog.DiscardHandler),
	}
	if configure != nil {
		configure(&cfg)
	}
	client, err := ffc.New(testkit.Within(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client
}

var secretHeader = map[ffctest.Platform]string{ffctest.Classic: "envSecret", ffctest.FeatBit: "Authorization"}

// newClientOf is newClient for a server of either platform.
func newClientOf(t testing.TB, server *ffctest.Server, settings *poll.Transport, configure func(*ffc.Config)) *ffc.Client {
	t.Helper()
	return newClient(t, server.URL, settings, func(c *ffc.Config) {
		c.EnvSecret = server.EnvSecret
		if configure != nil {
			configure(c)
		}
	})
}

func newServer(t testing.TB, items ...ffctest.Item) *ffctest.Server {
	t.Helper()
	return platforms.NewServer(t, ffctest.Classic, items...)
}

func refresh(t *testing.T, client *ffc.Client) {
	t.Helper()
	if err := client.Refresh(testkit.Within(t)); err != nil {
		t.Fatalf("Refresh: %v", err)
	}
}

func checkFlag(t *testing.T, client *ffc.Client, key, want string) {
	t.Helper()
	if got := client.Variation(t.Context(), key, ffc.NewUser("u"), "none"); got != want {
		t.Errorf("%s: got %q, want %q", key, got, want)
	}
}

// What changes on the platform comes with the next Refresh, and not before.
func TestClient(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testClient)
}

func testClient(t *testing.T, platform ffctest.Platform) {
	t.Parallel()
	server := platforms.NewServer(t, platform, ffctest.Flag("f").Variations("old", "new").Serve("old"))
	client := newClientOf(t, server, &poll.Transport{Resync: 1}, nil)
	checkFlag(t, client, "f", "old")
	server.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"), ffctest.Flag("g"))
	checkFlag(t, client, "f", "old")
	refresh(t, client)
	checkFlag(t, client, "f", "new")
	server.Archive("g")
	for range 3 { // the classic platform leaves it out, which could be a mistake
		refresh(t, client)
	}
	checkFlag(t, client, "g", "none")
	if status := client.Status(); status.State != ffc.StateOK || status.Err != nil || status.DataAge > time.Minute {
		t.Errorf("got %+v", status)
	}
	for _, p := range server.Requests(ffctest.Polling) {
		if p.Status != 200 || p.Header.Get(secretHeader[platform]) != server.EnvSecret {
			t.Errorf("got %+v", p)
		}
	}
}

// An outage does not show in evaluations, but in the status.
func TestClientOutage(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testClientOutage)
}

func testClientOutage(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server := platforms.NewServer(t, p, ffctest.Flag("f").Serve("true"))
	client := newClientOf(t, server, &poll.Transport{FirstRetry: 1, MaxRetry: 1}, nil)
	for _, failure := range []ffctest.Failure{
		{},
		{Status: 200, Body: "<html>"},
		{Status: 200, Body: `{"success":true,"data":{"featureFlags":[`},
		{Status: 200, Body: `{"success":false,"message":"no","data":null}`},
		{Status: 200, Body: `{"success":true,"da`, Reset: true},
		{Reset: true},
		{Status: 403},
		{Status: 429, RetryAfter: "0"},
	} {
		server.FailNext(ffctest.Polling, 3, failure) // Refresh may try twice, and once more if a kept connection breaks
		before := client.Stats().Updates
		if err := client.Refresh(testkit.Within(t)); err == nil {
			t.Errorf("%+v: no error", failure)
		}
		if status := client.Status(); status.State != ffc.StateInterrupted || status.Err == nil {
			t.Errorf("%+v: got %+v", failure, status)
		}
		checkFlag(t, client, "f", "true")
		if n := client.Stats().Updates; n != before {
			t.Errorf("%+v: %d updates", failure, n-before)
		}
		for client.Refresh(testkit.Within(t)) != nil {
		}
		if status := client.Status(); status.State != ffc.StateOK || status.Err != nil {
			t.Errorf("after %+v: got %+v", failure, status)
		}
	}
}

// An answer that comes after Budget serves the next unit of work.
func TestClientLateAnswer(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testClientLateAnswer)
}

func testClientLateAnswer(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server := platforms.NewServer(t, p)
	client := newClientOf(t, server, &poll.Transport{Budget: 1, MaxAge: time.Hour}, func(c *ffc.Config) { c.StartWait = -1 })
	resume := server.Stall(ffctest.Polling)
	hurried, cancel := context.WithTimeout(t.Context(), ms)
	defer cancel()
	if err := client.Refresh(hurried); err == nil {
		t.Error("Refresh: no error")
	}
	if _, err := server.WaitRequests(testkit.Within(t), ffctest.Polling, 1); err != nil {
		t.Fatal(err)
	}
	if s := client.Status(); s.Err != nil {
		t.Errorf("status %+v while no attempt has failed", s)
	}
	server.Put(ffctest.Flag("f").Serve("true"))
	resume()
	if err := client.WaitReady(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	checkFlag(t, client, "f", "true")
	refresh(t, client)
	if n := len(server.Requests(ffctest.Polling)); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestClientOneRequestForAll(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testClientOneRequestForAll)
}

func testClientOneRequestForAll(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server := platforms.NewServer(t, p, ffctest.Flag("f").Serve("false"))
	client := newClientOf(t, server, &poll.Transport{MaxAge: time.Hour}, func(c *ffc.Config) { c.StartWait = -1 })
	resume := server.Stall(ffctest.Polling)
	var callers, begun sync.WaitGroup
	for range 1000 {
		begun.Add(1)
		callers.Go(func() {
			begun.Done()
			if err := client.Refresh(testkit.Within(t)); err != nil {
				t.Errorf("Refresh: %v", err)
			}
			checkFlag(t, client, "f", "false")
		})
	}
	begun.Wait()
	resume()
	callers.Wait()
	if n := len(server.Requests(ffctest.Polling)); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestClientCloseDuringRefresh(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testClientCloseDuringRefresh)
}

func testClientCloseDuringRefresh(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server := platforms.NewServer(t, p)
	client := newClientOf(t, server, &poll.Transport{}, nil)
	defer server.Stall(ffctest.Polling)()
	refreshed := make(chan error, 1)
	go func() { refreshed <- client.Refresh(testkit.Within(t)) }()
	if _, err := server.WaitRequests(testkit.Within(t), ffctest.Polling, 2); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(testkit.Within(t)); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-refreshed; err == nil {
		t.Error("Refresh: no error")
	}
}

// files is a server of one file, such as an object store.
type files struct {
	mu   sync.Mutex
	body []byte
	tag  string
}

func (f *files) put(tag string, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tag, f.body = tag, body
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tag != "" {
		w.Header().Set("ETag", f.tag)
	}
	http.ServeContent(w, r, "flags.json", time.Time{}, bytes.NewReader(f.body))
}

// pollingFile returns a client that polls one file.
func pollingFile(t *testing.T, body []byte) (*files, *ffc.Client) {
	t.Helper()
	f := &files{body: body, tag: `"first"`}
	server := listen(t, nil, f.ServeHTTP)
	return f, newClient(t, "http://platform.invalid", &poll.Transport{URL: server.URL + "/flags.json"}, func(c *ffc.Config) {
		c.Events.Disabled = true // Close would retry their delivery
	})
}

// serving is a snapshot of a version.
func serving(value string, version int64, more ...ffctest.Item) []byte {
	return ffctest.Snapshot(append(more, ffctest.Flag("f").Variations("old", "new").Serve(value).Version(version))...)
}

// What has not changed does not touch the data, whether the server says so or
// sends it again.
func TestClientUnchanged(t *testing.T) {
	t.Parallel()
	f, client := pollingFile(t, serving("old", 5))
	changes := make(chan []string, 100)
	defer client.OnChange(func(keys []string) { changes <- keys })()
	before := client.Stats().Updates
	for range 3 {
		refresh(t, client)
	}
	if n := client.Stats().Updates; n != before {
		t.Errorf("304: %d updates", n-before)
	}
	f.put("", serving("old", 5))
	refresh(t, client)
	refresh(t, client)
	if n := client.Stats().Updates; n != before+2 {
		t.Errorf("200: %d updates, want 2", n-before)
	}
	f.put(`"next"`, serving("new", 6))
	refresh(t, client)
	checkFlag(t, client, "f", "new")
	if keys := <-changes; len(keys) != 1 || keys[0] != "f" || len(changes) > 0 {
		t.Errorf("changed: %q, and %d more", keys, len(changes))
	}
	if got := client.Status().DataVersion; got != 6 {
		t.Errorf("got version %d, want 6", got)
	}
}

// A cache may respond with data that is older than the client's.
func TestClientOlderVersion(t *testing.T) {
	t.Parallel()
	f, client := pollingFile(t, serving("new", 6, ffctest.Flag("g").Serve("true").Version(7)))
	for _, old := range [][]byte{serving("old", 5), serving("old", 5, ffctest.Flag("g").Serve("false").Version(4))} {
		f.put("", old)
		refresh(t, client)
		checkFlag(t, client, "f", "new")
		checkFlag(t, client, "g", "true")
		if got := client.Status().DataVersion; got != 7 {
			t.Errorf("got version %d, want 7", got)
		}
	}
	f.put("", serving("old", 8, ffctest.Flag("g").Serve("false").Version(9)))
	refresh(t, client)
	checkFlag(t, client, "f", "old")
	checkFlag(t, client, "g", "false")
}

// Every shape of data is understood; one without segments leaves those that are
// there alone.
func TestClientShapes(t *testing.T) {
	t.Parallel()
	message := string(ffctest.Snapshot(
		ffctest.Flag("f").Rule("true", ffctest.InSegment("s")).Serve("false").Version(5),
		ffctest.Segment("s").Include("u").Version(5)))
	_, inner, _ := strings.Cut(message, `"data":`)
	inner = strings.TrimSuffix(inner, "}")
	first, last := strings.Index(message, `"featureFlags":`), strings.Index(message, `,"segments":`)
	flags := "{" + message[first:last] + "}"
	for name, body := range map[string]string{
		"message":            message,
		"data object":        inner,
		"envelope":           fmt.Sprintf(`{"success":true,"message":"","data":%s}`, inner),
		"message in envelop": fmt.Sprintf(`{"success":true,"message":"","data":%s}`, message),
		"without segments":   flags,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, client := pollingFile(t, []byte(message))
			f.put("", []byte(body))
			refresh(t, client)
			checkFlag(t, client, "f", "true")
			if name == "without segments" {
				return
			}
			f, client = pollingFile(t, []byte(body))
			checkFlag(t, client, "f", "true")
			f.put("", []byte(flags))
			refresh(t, client)
			checkFlag(t, client, "f", "true")
		})
	}
}

// A snapshot that a client wrote can be polled.
func TestClientPollsSnapshot(t *testing.T) {
	t.Parallel()
	server := newServer(t, ffctest.Flag("f").Serve("true"))
	var snapshot bytes.Buffer
	if err := newClient(t, server.URL, &poll.Transport{}, nil).WriteSnapshot(io.Writer(&snapshot)); err != nil {
		t.Fatal(err)
	}
	_, client := pollingFile(t, snapshot.Bytes())
	checkFlag(t, client, "f", "true")
}
