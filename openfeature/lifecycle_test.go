package ffcopenfeature_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func TestNewProviderWithoutClient(t *testing.T) {
	t.Parallel()
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, "ffc.New") {
			t.Errorf("panic %q does not say what to do", got)
		}
	}()
	ffcopenfeature.NewProvider(nil, ffcopenfeature.Config{})
}

// TestInitWaits for the data, for as long as it may.
func TestInitWaits(t *testing.T) {
	noDeadline := func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }
	within := func(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
		return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	}
	canceled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	}
	tests := []struct {
		name     string
		cfg      ffcopenfeature.Config
		bound    func(context.Context) (context.Context, context.CancelFunc)
		dataAt   time.Duration
		wantWait time.Duration
		wantErr  error
	}{
		{"data in time", ffcopenfeature.Config{}, noDeadline, 4 * time.Second, 4 * time.Second, nil},
		{"no deadline", ffcopenfeature.Config{}, noDeadline, time.Hour, 5 * time.Second, context.DeadlineExceeded},
		{"InitWait", ffcopenfeature.Config{InitWait: time.Minute}, noDeadline, time.Hour, time.Minute, context.DeadlineExceeded},
		{"short deadline", ffcopenfeature.Config{InitWait: time.Minute}, within(time.Second), time.Hour, time.Second, context.DeadlineExceeded},
		{"long deadline", ffcopenfeature.Config{}, within(time.Minute), 59 * time.Second, 59 * time.Second, nil},
		{"cancelled", ffcopenfeature.Config{}, canceled, time.Hour, 0, context.Canceled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, client := manually(t, nil)
				defer client.Close(t.Context())
				provider := ffcopenfeature.NewProvider(client, test.cfg)
				defer provider.Shutdown()
				timer := time.AfterFunc(test.dataAt, func() { m.put(t) })
				defer timer.Stop()
				m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork, Err: errors.New("no route")})

				ctx, cancel := test.bound(t.Context())
				defer cancel()
				since := time.Now()
				err := provider.InitWithContext(ctx, of.EvaluationContext{})
				if waited := time.Since(since); waited != test.wantWait || !errors.Is(err, test.wantErr) {
					t.Errorf("after %v: %v; want after %v: %v", waited, err, test.wantWait, test.wantErr)
				}
				if err != nil && !strings.Contains(err.Error(), "no route") {
					t.Errorf("the error does not say why: %v", err)
				}
			})
		})
	}
}

// TestInitFatal: the state is FATAL after errors that retries cannot fix.
func TestInitFatal(t *testing.T) {
	t.Parallel()
	refusal := &transport.Error{Kind: transport.KindRefused, Err: errors.New("unknown secret")}
	tests := []struct {
		name string
		end  func(*manual, *ffc.Client)
		want string
	}{
		{"refused", func(m *manual, _ *ffc.Client) { m.store.Off(refusal) }, "unknown secret"},
		{"closed", func(_ *manual, c *ffc.Client) { c.Close(context.Background()) }, "create another client"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, client := manually(t, nil)
			defer client.Close(t.Context())
			test.end(m, client)
			api, flags, err := register(t, client, ffcopenfeature.Config{})
			problem, ok := errors.AsType[*of.ProviderInitError](err)
			if !ok || problem.ErrorCode != of.ProviderFatalCode || !strings.Contains(problem.Message, test.want) {
				t.Errorf("got %v", err)
			}
			if got := flags.State(); got != of.FatalState {
				t.Errorf("state %s", got)
			}
			if d, _ := flags.BooleanValueDetails(t.Context(), "f", true, user("u")); d.ErrorCode != of.ProviderFatalCode || !d.Value {
				t.Errorf("got %+v", d)
			}
			_ = api.Shutdown(t.Context())
		})
	}
}

// TestBootstrapServesMeanwhile: in state ERROR the SDK goes on asking the
// provider.
func TestBootstrapServesMeanwhile(t *testing.T) {
	t.Parallel()
	m, client := manually(t, func(c *ffc.Config) { c.Bootstrap = ffctest.Snapshot(ffctest.Flag("f").Variations("old")) })
	defer client.Close(t.Context())
	api, flags, err := register(t, client, ffcopenfeature.Config{InitWait: time.Millisecond})
	if err == nil || flags.State() != of.ErrorState {
		t.Errorf("state %s, error %v", flags.State(), err)
	}
	if got := flags.String(t.Context(), "f", "default", user("u")); got != "old" {
		t.Errorf("got %q", got)
	}
	up := handled(api, of.ProviderReady)
	m.put(t, ffctest.Flag("f").Variations("new").Version(2))
	next(t, "PROVIDER_READY", up)
	if got := flags.String(t.Context(), "f", "default", user("u")); got != "new" || flags.State() != of.ReadyState {
		t.Errorf("got %q in state %s", got, flags.State())
	}
}

// TestInitOnDemand: nothing gets data in the background, so Init does.
func TestInitOnDemand(t *testing.T) {
	t.Parallel()
	server := platform(t, ffctest.Flag("f"))
	onDemand := func(c *ffc.Config) { c.StartWait, c.Transport = -1, &poll.Transport{} }

	_, flags := ready(t, online(t, server, onDemand))
	if !flags.Boolean(t.Context(), "f", false, user("u")) {
		t.Error("no flag")
	}
	defer server.Fail(ffctest.Polling, ffctest.Failure{})()
	_, flags, err := register(t, online(t, server, onDemand), ffcopenfeature.Config{InitWait: time.Hour})
	if err == nil || flags.State() != of.ErrorState {
		t.Errorf("state %s, error %v", flags.State(), err)
	}
}

// TestRefusedOnDemand: the error of a refresh is final if the client is off.
func TestRefusedOnDemand(t *testing.T) {
	t.Parallel()
	server := platform(t)
	server.Fail(ffctest.Polling, ffctest.Failure{Status: 401})
	client := online(t, server, func(c *ffc.Config) { c.StartWait, c.Transport = -1, &poll.Transport{} })
	_, flags, err := register(t, client, ffcopenfeature.Config{})
	if _, ok := errors.AsType[*of.ProviderInitError](err); !ok || flags.State() != of.FatalState {
		t.Errorf("state %s, error %v", flags.State(), err)
	}
}

// TestShutdown delivers events, leaves nothing behind and the client open.
func TestShutdown(t *testing.T) {
	server := platform(t, ffctest.Flag("f"))
	client := online(t, server, func(c *ffc.Config) { c.Events.Interval = -1 })
	client.BoolVariation(t.Context(), "f", ffc.NewUser("u"), false)
	if err := client.Flush(t.Context()); err != nil { // makes the connection for events
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for range 3 {
		api, flags := ready(t, client)
		flags.Boolean(t.Context(), "f", false, user("u"))
		server.Put(ffctest.Flag("f").Off(), ffctest.Flag("g"))
		server.Put(ffctest.Flag("f"))
		if err := api.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := len(server.Events()); got != 4 {
		t.Errorf("%d events delivered, want 4", got)
	}
	testkit.GoroutinesEnd(t, before)
	if client.Status().State != ffc.StateOK {
		t.Errorf("the client is %s", client.Status().State)
	}
}

// TestShutdownUnheard: Shutdown leaves no goroutine if no one receives the events.
func TestShutdownUnheard(t *testing.T) {
	m, client := manually(t, nil)
	defer client.Close(context.Background())
	m.put(t, ffctest.Flag("f"))
	before := runtime.NumGoroutine()
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	for round := range 2 { // a provider can be used again
		if err := provider.Init(of.EvaluationContext{}); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork})
			m.put(t, ffctest.Flag("f").Version(int64(10+20*round+i)))
		}
		provider.Shutdown()
	}
	provider.Shutdown()
	testkit.GoroutinesEnd(t, before)
}

// TestShutdownWait: without a deadline, an endpoint that hangs holds it up for
// 5 s.
func TestShutdownWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, client := manually(t, func(c *ffc.Config) {
			c.Events = flush.Config{Interval: -1, Timeout: time.Minute}
			c.HTTPClient = &http.Client{Transport: hanging{}}
		})
		m.put(t, ffctest.Flag("f"))
		client.BoolVariation(t.Context(), "f", ffc.NewUser("u"), false)
		since := time.Now()
		ffcopenfeature.NewProvider(client, ffcopenfeature.Config{}).Shutdown()
		if waited := time.Since(since); waited != 5*time.Second {
			t.Errorf("returned after %v", waited)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		client.Close(ctx)
	})
}

// hanging is a network without answers.
type hanging struct{}

func (hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	server := platform(t, ffctest.Flag("f"))
	client := online(t, server, func(c *ffc.Config) { c.Events.Interval = -1 })
	_, flags := ready(t, client)
	flags.Boolean(t.Context(), "f", false, user("u"))
	defer server.Stall(ffctest.Events)()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	if err := provider.ShutdownWithContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := client.Close(ctx); err == nil {
		t.Error("events were not kept for Close")
	}
	if err := provider.ShutdownWithContext(t.Context()); err != nil {
		t.Errorf("after Close: %v", err)
	}
}
