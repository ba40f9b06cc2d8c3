package ffcopenfeature_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// TestEvents: what a status of a client with data becomes.
func TestEvents(t *testing.T) {
	t.Parallel()
	m, client := manually(t, nil)
	m.put(t, ffctest.Flag("f"))
	defer client.Close(context.Background())
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	if err := provider.Init(of.EvaluationContext{}); err != nil {
		t.Fatal(err)
	}
	defer provider.Shutdown()
	failure := &transport.Error{Kind: transport.KindNetwork, Err: errors.New("no route")}
	steps := []struct {
		name    string
		change  func()
		want    of.EventType
		message string
	}{
		{"interrupted", func() { m.store.Interrupted(failure) }, of.ProviderStale, "no route"},
		{"recovered", func() { m.store.Confirm() }, of.ProviderReady, "up to date"},
		{"refused with data", func() { m.store.Off(&transport.Error{Kind: transport.KindRefused}) }, of.ProviderError, "EnvSecret"},
	}
	for _, step := range steps {
		step.change()
		e := next(t, step.name, provider.EventChannel())
		if e.EventType != step.want || e.ErrorCode != "" || !strings.Contains(e.Message, step.message) || e.ProviderName != provider.Metadata().Name {
			t.Errorf("%s: got %+v", step.name, e)
		}
	}
}

// TestRefusedLater: a client that never had data is refused when the
// initialization is over. What went wrong before is no news.
func TestRefusedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, client := manually(t, nil)
		defer client.Close(t.Context())
		provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
		if err := provider.Init(of.EvaluationContext{}); err == nil {
			t.Fatal("initialized")
		}
		defer provider.Shutdown()
		m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork})
		synctest.Wait()
		m.store.Off(&transport.Error{Kind: transport.KindRefused})
		if e := <-provider.EventChannel(); e.EventType != of.ProviderError || e.ErrorCode != of.ProviderFatalCode {
			t.Errorf("got %+v", e)
		}
	})
}

// TestNoEventsAfterShutdown: neither new ones, nor those that were not received.
func TestNoEventsAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, client := manually(t, nil)
		defer client.Close(t.Context())
		m.put(t, ffctest.Flag("f"))
		provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
		if err := provider.Init(of.EvaluationContext{}); err != nil {
			t.Fatal(err)
		}
		m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork})
		synctest.Wait()
		provider.Shutdown()
		for _, change := range []func(i int64){
			func(i int64) { m.put(t, ffctest.Flag("f").Version(10+i)) },
			func(int64) { m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork}) },
			func(int64) { m.store.Confirm() },
		} {
			for i := range int64(20) {
				change(i)
				synctest.Wait()
			}
		}
		select {
		case e := <-provider.EventChannel():
			t.Errorf("got %+v", e)
		default:
		}
	})
}

// TestClosedClient makes the state FATAL: evaluations would answer nothing else.
func TestClosedClient(t *testing.T) {
	t.Parallel()
	m, client := manually(t, nil)
	m.put(t, ffctest.Flag("f"))
	api, flags := ready(t, client)
	failed := handled(api, of.ProviderError)
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	next(t, "PROVIDER_ERROR", failed)
	if got := flags.State(); got != of.FatalState {
		t.Errorf("state %s", got)
	}
}

// TestStaleAtInit: data that was there before, and an outage when the provider
// is made.
func TestStaleAtInit(t *testing.T) {
	t.Parallel()
	m, client := manually(t, nil)
	defer client.Close(t.Context())
	m.put(t, ffctest.Flag("f"))
	m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork})
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	if err := provider.Init(of.EvaluationContext{}); err != nil {
		t.Fatal(err)
	}
	defer provider.Shutdown()
	if e := next(t, "event", provider.EventChannel()); e.EventType != of.ProviderStale {
		t.Errorf("got %+v", e)
	}
}

// TestConfigurationChanged: a segment's change is that of the flags that use it.
func TestConfigurationChanged(t *testing.T) {
	t.Parallel()
	testers := ffctest.Segment("testers")
	server := platform(t, testers, ffctest.Flag("a").Serve("false").Rule("true", ffctest.InSegment("testers")), ffctest.Flag("b"))
	api, flags := ready(t, online(t, server, nil))
	changed := handled(api, of.ProviderConfigChange)
	server.Put(testers.Include("u"))
	if e := next(t, "change", changed); !slices.Equal(e.FlagChanges, []string{"a"}) {
		t.Errorf("got %+v", e)
	}
	if !flags.Boolean(t.Context(), "a", false, user("u")) {
		t.Error("reported a change before the client has it")
	}
	server.Archive("b")
	if e := next(t, "change", changed); !slices.Equal(e.FlagChanges, []string{"b"}) {
		t.Errorf("got %+v", e)
	}
}

// TestSeveralDomains share one provider, which the SDK initializes for each.
func TestSeveralDomains(t *testing.T) {
	t.Parallel()
	m, client := manually(t, nil)
	defer client.Close(t.Context())
	m.put(t, ffctest.Flag("f"))
	api, flags := ready(t, client)
	shared := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	for _, domain := range []string{"a", "b"} {
		if err := api.SetProviderAndWait(t.Context(), shared, of.WithDomain(domain)); err != nil {
			t.Fatal(err)
		}
	}
	stale := handled(api, of.ProviderStale)
	m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork})
	next(t, "stale event of the default provider", stale)
	next(t, "stale event of the shared provider", stale)
	a, b := api.NewClient(of.WithDomain("a")), api.NewClient(of.WithDomain("b"))
	if flags.State() != of.StaleState || a.State() != of.StaleState || b.State() != of.StaleState {
		t.Errorf("states %s, %s, %s", flags.State(), a.State(), b.State())
	}
	if !b.Boolean(t.Context(), "f", false, user("u")) {
		t.Error("the data does not go on serving")
	}
	select {
	case e := <-stale:
		t.Errorf("told twice: %+v", e)
	default:
	}
}
