package ffctest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

const (
	pollPath  = "/api/public/sdk/latest-feature-flag"
	nothing   = `{"success":true,"message":"api call success","data":{"featureFlags":[]}}`
	elsewhere = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fN19fOF9fOV9fZGVmYXVsdF85YzBkZQ==" // environment 7/8/9
)

func getFlags(t *testing.T, srv *ffctest.Server, header http.Header) answer {
	t.Helper()
	a, err := servertest.Try(testkit.Within(t), http.MethodGet, srv.URL+pollPath, "", header)
	if err != nil {
		t.Fatalf("poll: %v", err)
	}
	return a
}

func withSecret(secret string) http.Header { return http.Header{"Envsecret": {secret}} }

func TestPolling(t *testing.T) {
	t.Parallel()
	item := func(key string, version int) string {
		return fmt.Sprintf(`{"id":"FF__11__22__33__%s","timestamp":%d,"extra":1}`, key, version)
	}
	srv := ffctest.NewServer([]byte(`{"featureFlags":[` + item("a", 3) + "," + item("b", 7) + "," +
		`{"id":"FF__11__22__33__gone","timestamp":9,"isArchived":true}],` +
		`"segments":[{"id":"s","timestamp":8}],"userTags":[{"id":"t","timestamp":8}]}`))
	t.Cleanup(srv.Close)
	a := getFlags(t, srv, withSecret(srv.EnvSecret))
	want := `{"success":true,"message":"api call success","data":{"featureFlags":[` + item("b", 7) + "," + item("a", 3) + `]}}`
	if a.Status != 200 || a.Body != want {
		t.Errorf("got %d %s\nwant %s", a.Status, a.Body, want)
	}
	if got := a.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("got content type %q", got)
	}
	for _, name := range []string{"ETag", "Last-Modified", "Cache-Control"} {
		if got := a.Header.Values(name); len(got) != 0 {
			t.Errorf("got %s %q, want none", name, got)
		}
	}

	// Conditions mean nothing, and what changes shows at once.
	header := withSecret(srv.EnvSecret)
	header.Set("If-None-Match", "*")
	header.Set("If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	srv.Archive("a")
	srv.Archive("b")
	if a := getFlags(t, srv, header); a.Status != 200 || a.Body != nothing {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestPollingOfAnotherEnvironment(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("f"))
	if a := getFlags(t, srv, withSecret(elsewhere)); a.Status != 200 || a.Body != nothing {
		t.Errorf("got %d %s, want no flags", a.Status, a.Body)
	}
}

func TestPollingRoutes(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	tests := []struct {
		method, path string
		want         int
	}{
		{"GET", pollPath + "s", 404},
		{"GET", pollPath + "/", 404},
		{"GET", "/" + pollPath, 404},
		{"POST", pollPath, 405},
		{"HEAD", pollPath, 405},
	}
	for _, tt := range tests {
		a, err := servertest.Try(testkit.Within(t), tt.method, srv.URL+tt.path, "", withSecret(srv.EnvSecret))
		if err != nil || a.Status != tt.want {
			t.Errorf("%s %s: got %d, %v, want %d", tt.method, tt.path, a.Status, err, tt.want)
		}
	}
	if n := len(srv.Requests(ffctest.Polling)); n != 0 {
		t.Errorf("%d polls recorded, want none", n)
	}
}

func TestPollsAreRecorded(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	header := withSecret(srv.EnvSecret)
	header.Set("User-Agent", "first")
	getFlags(t, srv, header)
	getFlags(t, srv, nil)
	post(t, srv, "[]")
	polls, err := srv.WaitRequests(testkit.Within(t), ffctest.Polling, 2)
	if err != nil || len(polls) != 2 {
		t.Fatalf("got %d polls, %v, want 2", len(polls), err)
	}
	if polls[0].Status != 200 || polls[0].Header.Get("User-Agent") != "first" || polls[1].Status != 401 {
		t.Errorf("got %+v", polls)
	}
	if n := len(srv.Requests(ffctest.Events)); n != 1 {
		t.Errorf("%d requests with events, want 1", n)
	}
	polls[0].Status = 0
	if srv.Requests(ffctest.Polling)[0].Status != 200 {
		t.Error("the server's own record was returned")
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	polls, err = srv.WaitRequests(ended, ffctest.Polling, 3)
	if len(polls) != 2 || !errors.Is(err, cause) || !strings.Contains(err.Error(), "waited for 3 requests to polling, have 2") {
		t.Errorf("got %d polls, %v", len(polls), err)
	}
}

func TestFailNextPolling(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("f"))
	srv.FailNext(ffctest.Polling, 1, ffctest.Failure{RetryAfter: "7", Body: "soon"})
	srv.FailNext(ffctest.Polling, 1, ffctest.Failure{Reset: true})
	srv.FailNext(ffctest.Polling, 1, ffctest.Failure{Status: 200, Body: "half", Reset: true})
	srv.FailNext(ffctest.Polling, 1, ffctest.Failure{Status: 404, Processed: true})
	a := getFlags(t, srv, withSecret(srv.EnvSecret))
	if a.Status != 503 || a.Body != "soon" || a.Header.Get("Retry-After") != "7" {
		t.Errorf("got %+v", a)
	}
	if a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+pollPath, "", withSecret(srv.EnvSecret)); err == nil {
		t.Errorf("got %+v, want a reset", a)
	}
	if a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+pollPath, "", withSecret(srv.EnvSecret)); err == nil || a.Status != 200 || a.Body != "half" {
		t.Errorf("got %+v, %v, want half an answer", a, err)
	}
	if a := getFlags(t, srv, withSecret(srv.EnvSecret)); a.Status != 404 || a.Body != "" {
		t.Errorf("got %+v", a)
	}
	if a := getFlags(t, srv, withSecret(srv.EnvSecret)); a.Status != 200 || a.Body == nothing {
		t.Errorf("after the failures: got %+v", a)
	}
	var got []int
	for _, p := range srv.Requests(ffctest.Polling) {
		got = append(got, p.Status)
	}
	if want := []int{503, 0, 200, 404, 200}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

func TestStallPolling(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	resume := srv.Stall(ffctest.Polling)
	post(t, srv, "[]") // other endpoints go on

	hasty, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := servertest.Try(hasty, "GET", srv.URL+pollPath, "", withSecret(srv.EnvSecret))
		gone <- err
	}()
	if _, err := srv.WaitRequests(testkit.Within(t), ffctest.Polling, 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := receive(t, gone); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}

	answers := make(chan answer, 1)
	go func() {
		a, _ := servertest.Try(testkit.Within(t), "GET", srv.URL+pollPath, "", withSecret(srv.EnvSecret))
		answers <- a
	}()
	if _, err := srv.WaitRequests(testkit.Within(t), ffctest.Polling, 2); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-answers:
		t.Errorf("answered during the stall: %+v", a)
	default:
	}
	srv.Put(ffctest.Flag("meanwhile"))
	resume()
	if a := receive(t, answers); a.Status != 200 || !strings.Contains(a.Body, "__meanwhile") {
		t.Errorf("got %+v", a)
	}
	if polls := srv.Requests(ffctest.Polling); polls[0].Status != 0 || polls[1].Status != 200 {
		t.Errorf("recorded %d and %d, want 0 and 200", polls[0].Status, polls[1].Status)
	}
}

// receive returns what is sent, unless that takes too long.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-testkit.Within(t).Done():
		t.Fatal("nothing comes")
		panic("unreachable")
	}
}
