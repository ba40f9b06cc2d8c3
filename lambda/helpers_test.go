package lambda_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func TestMain(m *testing.M) {
	for name, main := range functions {
		lambdatest.Function(name, main)
	}
	log.SetOutput(io.Discard) // aws-lambda-go logs each error of a handler
	testkit.Main(m, 8)
}

// environment is a platform, a client of it and the Lambda runtime. Requests of
// the client are noted in the runtime's timeline: "refreshed" when data has come,
// "events" when a request with events begins and "delivered" when it has been
// answered well.
type environment struct {
	t        testing.TB
	platform *ffctest.Server
	runtime  *lambdatest.Runtime
	client   *ffc.Client
}

// newEnvironment returns an environment whose flag "a" is served to all.
// configure may be nil.
func newEnvironment(t testing.TB, configure func(*ffc.Config)) *environment {
	t.Helper()
	return newEnvironmentOn(t, ffctest.Classic, configure)
}

// newEnvironmentOn is newEnvironment for either platform.
func newEnvironmentOn(t testing.TB, p ffctest.Platform, configure func(*ffc.Config)) *environment {
	t.Helper()
	e := &environment{t: t, platform: p.NewServer(p.Snapshot(ffctest.Flag("a").Variations("on", "off"))), runtime: lambdatest.NewRuntime()}
	t.Cleanup(e.platform.Close)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	cfg := ffc.Config{
		EnvSecret:  e.platform.EnvSecret,
		BaseURL:    e.platform.URL,
		Transport:  &poll.Transport{},
		HTTPClient: &http.Client{Transport: noting{e.runtime, transport}},
		Logger:     testkit.Quiet(),
	}
	if configure != nil {
		configure(&cfg)
	}
	var err error
	if e.client, err = ffc.New(testkit.Within(t), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.client.Close(context.Background()) })
	t.Cleanup(e.runtime.Close) // first of all
	return e
}

// noting notes requests in a timeline.
type noting struct {
	rt   *lambdatest.Runtime
	next http.RoundTripper
}

func (n noting) RoundTrip(req *http.Request) (*http.Response, error) {
	done := "refreshed"
	if req.Method == http.MethodPost {
		n.rt.Note("events")
		done = "delivered"
	}
	resp, err := n.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusOK {
		n.rt.Note(done)
	}
	return resp, err
}

// handler evaluates the flag for the user that the payload names.
func (e *environment) handler(ctx context.Context, user string) (string, error) {
	e.runtime.Note("handler")
	return e.client.Variation(ctx, "a", ffc.NewUser(user), "fallback"), nil
}

func (e *environment) invoke(payload string) lambdatest.Invocation {
	e.t.Helper()
	return e.runtime.Invoke(testkit.Within(e.t), []byte(payload))
}

// checkBooks fails the test unless every event is accounted for, and those that
// count as delivered have arrived.
func (e *environment) checkBooks(recorded int) {
	e.t.Helper()
	s := e.client.Stats().Events
	if s.Recorded != uint64(recorded) || s.Recorded != s.Delivered+s.Queued+s.Dropped.Total() {
		e.t.Errorf("recorded %d events, and the books say %+v", recorded, s)
	}
	if n := len(e.platform.Events()); uint64(n) < s.Delivered || uint64(n) > s.Delivered+s.Resent {
		e.t.Errorf("%d events arrived, and the books say %+v", n, s)
	}
}

// names is a timeline without times, each run of the same name once.
func names(timeline []lambdatest.Entry) string {
	var list []string
	for _, e := range timeline {
		if len(list) == 0 || list[len(list)-1] != e.Name {
			list = append(list, e.Name)
		}
	}
	return strings.Join(list, " ")
}

// bootstrap is a snapshot in which the flag "a" has another value.
func bootstrap() []byte {
	return ffctest.Snapshot(ffctest.Flag("a").Variations("bootstrap", "off"))
}
