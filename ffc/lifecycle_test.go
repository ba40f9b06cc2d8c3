package ffc_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func TestBecomesReadyWhenThePlatformComesBack(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testBecomesReadyWhenThePlatformComesBack)
}

func testBecomesReadyWhenThePlatformComesBack(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server := p.NewServer(p.Snapshot(ffctest.Flag("a").Variations("live", "x")))
	defer server.Close()
	server.RejectUpgrade(http.StatusServiceUnavailable)
	tests := []struct {
		name      string
		bootstrap []byte
		want      string
		reason    ffc.Reason
	}{
		{"without bootstrap", nil, "fallback", ffc.ReasonClientNotReady},
		{"with bootstrap", p.Snapshot(ffctest.Flag("a").Variations("embedded", "x")), "embedded", ffc.ReasonFallthrough},
	}
	var clients []*ffc.Client
	for _, test := range tests {
		client, err := ffc.New(t.Context(), ffc.Config{
			EnvSecret: server.EnvSecret,
			BaseURL:   server.URL,
			Transport: &stream.Transport{FirstRetry: 5 * time.Millisecond, MaxRetry: 20 * time.Millisecond},
			Bootstrap: test.bootstrap,
			StartWait: 30 * time.Millisecond,
			Logger:    testkit.Quiet(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(t.Context())
		clients = append(clients, client)
		d := client.VariationDetail(t.Context(), "a", ffc.NewUser("u"), "fallback")
		if d.Value != test.want || d.Reason != test.reason {
			t.Errorf("%s: platform down: got %+v, want %q, %q", test.name, d, test.want, test.reason)
		}
		waitFor(t, client, func() bool { return client.Status().Err != nil })
		if s := client.Status(); client.Initialized() || s.State != ffc.StateInitializing || s.Err == nil || s.DataAge != 0 {
			t.Errorf("%s: platform down: initialized %v, %+v", test.name, client.Initialized(), s)
		}
	}
	server.RejectUpgrade(0)
	for i, client := range clients {
		if err := client.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := client.Variation(t.Context(), "a", ffc.NewUser("u"), "fallback"); got != "live" {
			t.Errorf("%s: platform back: got %q", tests[i].name, got)
		}
		if s := client.Status(); !client.Initialized() || s.State != ffc.StateOK || s.Err != nil || s.DataVersion == 0 {
			t.Errorf("%s: platform back: initialized %v, %+v", tests[i].name, client.Initialized(), s)
		}
	}
}

func TestNewReturnsEarlyWhenRefused(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testNewReturnsEarlyWhenRefused)
}

func testNewReturnsEarlyWhenRefused(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server := p.NewServer(nil)
	defer server.Close()
	server.RejectUpgrade(4003)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // less than StartWait
	defer cancel()
	client, err := ffc.New(ctx, ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &stream.Transport{}, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if ctx.Err() != nil {
		t.Error("New waited although the platform had refused")
	}
	var refused *transport.Error
	if err := client.WaitReady(t.Context()); !errors.As(err, &refused) || refused.Kind != transport.KindRefused {
		t.Errorf("WaitReady: got %v", err)
	}
	if s := client.Status(); s.State != ffc.StateOff || client.Initialized() {
		t.Errorf("got %+v", s)
	}
	if d := client.BoolVariationDetail(t.Context(), "a", ffc.NewUser("u"), true); !d.Value || d.Reason != ffc.ReasonClientNotReady {
		t.Errorf("got %+v", d)
	}
}

func TestContextBoundsTheWaitOnly(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testContextBoundsTheWaitOnly)
}

func testContextBoundsTheWaitOnly(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server := p.NewServer(p.Snapshot(ffctest.Flag("a")))
	defer server.Close()
	resume := server.Stall(ffctest.Streaming)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	client, err := ffc.New(ctx, ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &stream.Transport{}, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if err := client.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("WaitReady with a context that is over: %v", err)
	}
	resume()
	if err := client.WaitReady(t.Context()); err != nil {
		t.Errorf("the client ended with the context of New: %v", err)
	}
}

// TestCloseInEveryState closes clients in all states, twice and from several
// goroutines, and counts goroutines.
func TestCloseInEveryState(t *testing.T) { platforms.Each(t, testCloseInEveryState) }

func testCloseInEveryState(t *testing.T, p ffctest.Platform) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	states := []struct {
		name    string
		prepare func(*ffctest.Server, *ffc.Config)
		reach   func(*testing.T, *ffctest.Server, *ffc.Client)
	}{
		{name: "ok"},
		{name: "offline", prepare: func(_ *ffctest.Server, c *ffc.Config) { c.Offline = true }},
		{name: "connecting", prepare: func(_ *ffctest.Server, c *ffc.Config) { c.BaseURL, c.StartWait = "http://"+silent.Addr().String(), -1 }},
		{name: "refused connection", prepare: func(_ *ffctest.Server, c *ffc.Config) {
			c.BaseURL, c.StartWait = "http://"+refusing.Addr().String(), 20*time.Millisecond
		}},
		{name: "connected without data", prepare: func(s *ffctest.Server, c *ffc.Config) {
			s.Stall(ffctest.Streaming)
			c.StartWait = 50 * time.Millisecond
		}},
		{name: "backing off", prepare: func(_ *ffctest.Server, c *ffc.Config) {
			c.Transport = &stream.Transport{FirstRetry: time.Hour, MaxRetry: time.Hour}
		},
			reach: func(t *testing.T, s *ffctest.Server, c *ffc.Client) {
				s.DropConnections()
				waitFor(t, c, func() bool { return c.Status().State == ffc.StateInterrupted })
			}},
		{name: "refused by the platform", prepare: func(s *ffctest.Server, _ *ffc.Config) { s.RejectUpgrade(4003) }},
		{name: "platform gone", reach: func(t *testing.T, s *ffctest.Server, c *ffc.Client) { s.Close() }},
		{name: "events queued for a platform that stalls", reach: func(t *testing.T, s *ffctest.Server, c *ffc.Client) {
			s.Stall(ffctest.Events)
			c.BoolVariation(t.Context(), "a", ffc.NewUser("u"), false)
		}},
	}
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			server := p.NewServer(p.Snapshot(ffctest.Flag("a")))
			cfg := ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &stream.Transport{}, Logger: testkit.Quiet()}
			if state.prepare != nil {
				state.prepare(server, &cfg)
			}
			client, err := ffc.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if state.reach != nil {
				state.reach(t, server, client)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					var lost *flush.Error
					if err := client.Close(ctx); err != nil && !errors.As(err, &lost) && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("Close: %v", err)
					}
				})
			}
			wg.Wait()
			if err := client.Close(t.Context()); err != nil && !strings.Contains(err.Error(), "dropped") {
				t.Errorf("Close once more: %v", err)
			}
			checkClosed(t, client)
			server.Close()
			testkit.GoroutinesEnd(t, before)
		})
	}
}

// checkClosed uses a closed client in every way.
func checkClosed(t *testing.T, client *ffc.Client) {
	t.Helper()
	ctx, user := t.Context(), ffc.NewUser("u")
	if d := client.BoolVariationDetail(ctx, "a", user, true); !d.Value || d.Reason != ffc.ReasonClientNotReady || d.Err != ffc.ErrNotReady {
		t.Errorf("evaluation: %+v", d)
	}
	for name, err := range map[string]error{
		"Track":     client.Track(ctx, user, "e"),
		"Flush":     client.Flush(ctx),
		"Refresh":   client.Refresh(ctx),
		"WaitReady": client.WaitReady(ctx),
	} {
		if !errors.Is(err, ffc.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := client.Status(); s.State != ffc.StateOff || client.Initialized() || client.FlagKnown("a") {
		t.Errorf("status %+v, initialized %v", s, client.Initialized())
	}
	if err := client.WriteSnapshot(&strings.Builder{}); !errors.Is(err, ffc.ErrNotReady) {
		t.Errorf("WriteSnapshot: %v", err)
	}
	stats := client.Stats().Events
	if stats.Recorded != stats.Delivered+stats.Dropped.Total() || stats.Queued != 0 {
		t.Errorf("the books do not balance: %+v", stats)
	}
}

func TestCloseDeliversWhatIsQueued(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testCloseDeliversWhatIsQueued)
}

func testCloseDeliversWhatIsQueued(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, func(c *ffc.Config) { c.Events.Interval = -1 }, ffctest.Flag("a"))
	for range 10 {
		client.BoolVariation(t.Context(), "a", ffc.NewUser("u"), false)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Events()); n != 10 {
		t.Errorf("%d events arrived, want 10", n)
	}
}

func TestOfflineTouchesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	forbidden := &http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("an offline client sent a request")
		return nil, errors.New("forbidden")
	})}
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, HTTPClient: forbidden, Transport: &stream.Transport{},
		Bootstrap: ffctest.Snapshot(ffctest.Flag("a"))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, user := t.Context(), ffc.NewUser("u")
	if !client.BoolVariation(ctx, "a", user, false) || !client.Initialized() || client.Status().State != ffc.StateOK {
		t.Error("an offline client with a bootstrap is not ready")
	}
	if err := errors.Join(client.Track(ctx, user, "e"), client.Refresh(ctx), client.Flush(ctx), client.ForceFlush(ctx), client.WaitReady(ctx)); err != nil {
		t.Error(err)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines before, %d with an offline client", before, n)
	}
	if err := client.Close(ctx); err != nil {
		t.Error(err)
	}

	empty, err := ffc.New(ctx, ffc.Config{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close(ctx)
	if d := empty.BoolVariationDetail(ctx, "a", user, true); d.Reason != ffc.ReasonFlagNotFound {
		t.Errorf("offline without bootstrap: %+v", d)
	}
}

// TestFlagsOfBeforeCloseKeepTheirValues: what For and AllVariations returned
// still evaluates after Close, and its events are counted as lost.
func TestFlagsOfBeforeCloseKeepTheirValues(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testFlagsOfBeforeCloseKeepTheirValues)
}

func testFlagsOfBeforeCloseKeepTheirValues(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	_, client := connectedTo(t, p, nil, ffctest.Flag("a").Variations("1", "2").Serve("2"))
	flags, all := client.For(ffc.NewUser("u")), client.AllVariations(t.Context(), ffc.NewUser("u"))
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := flags.Int(t.Context(), "a", 0); got != 2 {
		t.Errorf("For: got %d after Close", got)
	}
	if d, ok := all.Get("a"); !ok || d.Value != "2" {
		t.Errorf("AllVariations: got %+v, %v after Close", d, ok)
	}
	if events := client.Stats().Events; events.Dropped.Closed != 2 || events.Queued != 0 {
		t.Errorf("events %+v, expected 2 dropped as Closed", events)
	}
}

// TestCancelledContextChangesNoEvaluation: a request whose client has gone still
// gets values, and its events are recorded.
func TestCancelledContextChangesNoEvaluation(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testCancelledContextChangesNoEvaluation)
}

func testCancelledContextChangesNoEvaluation(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	var got context.Context
	server, client := connectedTo(t, p, func(c *ffc.Config) {
		c.Events.Interval = -1
		c.OnEvaluation = func(ctx context.Context, _ ffc.Evaluation) { got = ctx }
	}, ffctest.Flag("a").Variations("1", "2").Serve("2"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	user := ffc.NewUser("u")
	if n := client.IntVariation(ctx, "a", user, 0); n != 2 {
		t.Errorf("IntVariation: got %d", n)
	}
	if got != ctx {
		t.Error("OnEvaluation got another context")
	}
	if all := client.AllVariations(ctx, user); !all.Success {
		t.Errorf("AllVariations: %+v", all)
	}
	if err := client.Track(ctx, user, "bought"); err != nil {
		t.Errorf("Track: %v", err)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(server.Events()); n != 2 {
		t.Errorf("%d events arrived, expected 2", n)
	}
}
