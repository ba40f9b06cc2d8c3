package ffctest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

func newServer(t *testing.T, items ...ffctest.Item) *ffctest.Server {
	t.Helper()
	return platforms.NewServer(t, ffctest.Classic, items...)
}

type (
	client = servertest.Client
	answer = servertest.Answer
)

// query is what a proper client puts in the URL.
func query(srv *ffctest.Server, at time.Time) url.Values { return servertest.Of(srv).Query(at) }

// tryDial opens a websocket with a query. The response may be nil.
func tryDial(t *testing.T, srv *ffctest.Server, q url.Values) (*client, *http.Response, error) {
	t.Helper()
	return servertest.Of(srv).TryDial(t, q)
}

func dial(t *testing.T, srv *ffctest.Server) *client {
	t.Helper()
	return servertest.Of(srv).Dial(t)
}

// onBoth runs a test for both.
func onBoth(t *testing.T, name string, test func(t *testing.T, p ffctest.Platform)) {
	t.Helper()
	for _, p := range platforms.All() {
		t.Run(name+"/"+p.String(), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

const pong = `{"messageType":"pong","data":null}`

func post(t *testing.T, srv *ffctest.Server, body string) answer {
	t.Helper()
	a, err := servertest.Try(testkit.Within(t), http.MethodPost, srv.URL+"/api/public/track", body, trackHeader(srv.EnvSecret))
	if err != nil {
		t.Fatalf("post: %v", err)
	}
	return a
}

func trackHeader(secret string) http.Header {
	return http.Header{"Envsecret": {secret}, "Content-Type": {"application/json"}}
}

// expectPanic calls f, which must panic with a message that holds text.
func expectPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got, _ := recover().(string)
		if !strings.HasPrefix(got, "ffctest: ") || !strings.Contains(got, text) {
			t.Errorf("got panic %q, want %q in it", got, text)
		}
	}()
	f()
}
