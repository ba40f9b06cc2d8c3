package ffcopenfeature_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// user is an evaluation context with a targeting key and nothing else.
func user(key string) of.EvaluationContext { return of.NewEvaluationContext(key, nil) }

// offline returns a client that has these flags and no connection.
func offline(t testing.TB, items ...ffctest.Item) *ffc.Client {
	t.Helper()
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(items...), Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client
}

// online returns a client that is, or will be, connected to a platform.
func online(t testing.TB, server *ffctest.Server, configure func(*ffc.Config)) *ffc.Client {
	t.Helper()
	cfg := ffc.Config{
		EnvSecret: server.EnvSecret,
		BaseURL:   server.URL,
		Transport: &stream.Transport{FirstRetry: 5 * time.Millisecond, MaxRetry: 20 * time.Millisecond},
		Logger:    testkit.Quiet(),
	}
	if configure != nil {
		configure(&cfg)
	}
	client, err := ffc.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client
}

// platform returns a server with these flags.
func platform(t testing.TB, items ...ffctest.Item) *ffctest.Server {
	t.Helper()
	return platforms.NewServer(t, ffctest.Classic, items...)
}

// register gives a provider for the client to an API of its own, waits until
// that has initialized it, and returns both and that outcome.
func register(t testing.TB, client *ffc.Client, cfg ffcopenfeature.Config) (*of.EvaluationAPI, *of.Client, error) {
	t.Helper()
	api := isolated.NewAPI()
	t.Cleanup(func() { _ = api.Shutdown(context.Background()) })
	err := api.SetProviderAndWait(t.Context(), ffcopenfeature.NewProvider(client, cfg))
	return api, api.NewClient(), err
}

// ready is register for a client that has data.
func ready(t testing.TB, client *ffc.Client) (*of.EvaluationAPI, *of.Client) {
	t.Helper()
	api, flags, err := register(t, client, ffcopenfeature.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return api, flags
}

// handled collects the events of a type.
func handled(api *of.EvaluationAPI, eventType of.EventType) <-chan of.EventDetails {
	events := make(chan of.EventDetails, 100)
	callback := func(d of.EventDetails) { events <- d }
	api.AddHandler(eventType, &callback)
	return events
}

// next returns what a channel gives within some seconds.
func next[T any](t testing.TB, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s within 10 s", what)
	}
	return v
}

// manual is a transport whose test plays the platform.
type manual struct{ store transport.Store }

func (m *manual) Open(env transport.Env) (transport.Session, error) {
	m.store = env.Store
	return manualSession{}, nil
}

type manualSession struct{}

func (manualSession) Stats() transport.Stats  { return transport.Stats{} }
func (manualSession) Run(ctx context.Context) { <-ctx.Done() }

// put gives the client all of its data.
func (m *manual) put(t testing.TB, items ...ffctest.Item) {
	t.Helper()
	applied, err := m.store.Apply(ffctest.Snapshot(items...), m.store.Mark())
	if err != nil {
		t.Fatal(err)
	}
	if applied.Held == 0 {
		m.store.Confirm()
	}
}

// manually returns a client of such a transport, with no data yet.
func manually(t testing.TB, configure func(*ffc.Config)) (*manual, *ffc.Client) {
	t.Helper()
	m := &manual{}
	cfg := ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: m, StartWait: -1, Logger: testkit.Quiet()}
	cfg.Events.Disabled = true // there is no server to post to
	if configure != nil {
		configure(&cfg)
	}
	client, err := ffc.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, client
}

// countingHook counts evaluations.
type countingHook struct {
	of.UnimplementedHook
	calls atomic.Int64
}

func (h *countingHook) called() int64 { return h.calls.Load() }

func (h *countingHook) Finally(context.Context, of.HookContext, of.InterfaceEvaluationDetails, of.HookHints) {
	h.calls.Add(1)
}
