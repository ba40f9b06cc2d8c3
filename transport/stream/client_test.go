package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// newClient returns a client of srv and its log. It does not wait for data.
func newClient(t *testing.T, srv *ffctest.Server, settings *stream.Transport) (*ffc.Client, *testkit.Log) {
	t.Helper()
	log := &testkit.Log{}
	client, err := ffc.New(testkit.Within(t), ffc.Config{
		EnvSecret: srv.EnvSecret,
		BaseURL:   srv.URL,
		Transport: settings,
		StartWait: -1,
		Logger:    slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		said := log.String() + fmt.Sprint(client.Status().Err)
		for _, hidden := range []string{strings.TrimRight(srv.EnvSecret, "="), srv.EnvSecret[:20], "token="} {
			if strings.Contains(said, hidden) {
				t.Errorf("a text holds %q:\n%s", hidden, said)
			}
		}
	})
	return client, log
}

func newServer(t *testing.T, items ...ffctest.Item) *ffctest.Server {
	t.Helper()
	return platforms.NewServer(t, ffctest.Classic, items...)
}

func ready(t *testing.T, client *ffc.Client) {
	t.Helper()
	if err := client.WaitReady(testkit.Within(t)); err != nil {
		t.Fatalf("WaitReady: %v; status %+v", err, client.Status())
	}
}

// until waits for a condition that changes call for a look at.
func until(t *testing.T, what string, changed <-chan struct{}, condition func() bool) {
	t.Helper()
	ctx := testkit.Within(t)
	for !condition() {
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		}
	}
}

// statuses returns a channel that is sent to after each change of the status.
func statuses(t *testing.T, client *ffc.Client) <-chan struct{} {
	changed := make(chan struct{}, 1)
	t.Cleanup(client.OnStatus(func(ffc.Status) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}))
	return changed
}

// changes is statuses for the data.
func changes(t *testing.T, client *ffc.Client) <-chan struct{} {
	changed := make(chan struct{}, 1)
	t.Cleanup(client.OnChange(func([]string) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}))
	return changed
}

var anyUser = ffc.NewUser("u")

func TestChangesArrive(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testChangesArrive)
}

func testChangesArrive(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	flag := ffctest.Flag("f").Variations("0")
	srv := platforms.NewServer(t, p, flag)
	settings := quick()
	client, _ := newClient(t, srv, &settings)
	ready(t, client)
	changed := changes(t, client)
	var took []time.Duration
	for n := range 200 {
		value := strconv.Itoa(n + 1)
		begin := time.Now()
		srv.Put(flag.Variations(value))
		until(t, "the value "+value, changed, func() bool {
			return client.Variation(t.Context(), "f", anyUser, "none") == value
		})
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("from the change to its effect: median %v, longest %v", took[len(took)/2], took[len(took)-1])
}

func TestReconnectsConverge(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testReconnectsConverge)
}

func testReconnectsConverge(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	flag := ffctest.Flag("f").Variations("0")
	items := []ffctest.Item{flag, ffctest.Flag("archived")}
	for i := range 8 { // an answer that lacks more than a tenth of what is there is held back
		items = append(items, ffctest.Flag(fmt.Sprint("other-", i)))
	}
	srv := platforms.NewServer(t, p, items...)
	settings := quick()
	client, _ := newClient(t, srv, &settings)
	ready(t, client)
	for n := range 100 {
		// Changes while no connection is open are seen, too.
		srv.DropConnections()
		srv.Put(flag.Variations(strconv.Itoa(n + 1)))
		if n == 50 {
			srv.Archive("archived")
		}
		if err := srv.WaitConnections(testkit.Within(t), 1); err != nil {
			t.Fatal(err)
		}
	}
	changed := changes(t, client)
	until(t, "the last value", changed, func() bool {
		return client.Variation(t.Context(), "f", anyUser, "none") == "100" && !client.FlagKnown("archived")
	})
	state := statuses(t, client)
	until(t, "state OK", state, func() bool { return client.Status().State == ffc.StateOK })
	stats := client.Stats().Transport
	if stats.Connects < 101 || stats.Failures < 100 {
		t.Errorf("got %+v, want at least 101 connects and 100 failures", stats)
	}
	if got, want := client.Status().DataVersion, srv.Version(); got != want {
		t.Errorf("got version %d, want %d", got, want)
	}
}

func TestStatusFollowsTheConnection(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testStatusFollowsTheConnection)
}

func testStatusFollowsTheConnection(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	srv := platforms.NewServer(t, p, ffctest.Flag("f"))
	settings := quick()
	client, log := newClient(t, srv, &settings)
	ready(t, client)
	state := statuses(t, client)
	srv.RejectUpgrade(1012) // as below: another kind of failure is logged, too
	srv.CloseConnections(1012, "restart")
	until(t, "an interruption", state, func() bool { return client.Status().State == ffc.StateInterrupted })
	var cause *transport.Error
	if err := client.Status().Err; !errors.As(err, &cause) {
		t.Errorf("got error %v, want a *transport.Error", err)
	}
	if !client.Initialized() || !client.BoolVariation(t.Context(), "f", anyUser, false) {
		t.Error("the data has gone with the connection")
	}
	srv.RejectUpgrade(0)
	until(t, "the recovery", state, func() bool { return client.Status().State == ffc.StateOK })
	if err := client.Status().Err; err != nil {
		t.Errorf("got error %v after the recovery", err)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("got %d warnings about one outage:\n%s", n, log)
	}
}

// A patch that overtakes the full does not make the client ready.
func TestPatchOvertakesFull(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testPatchOvertakesFull)
}

func testPatchOvertakesFull(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	srv := platforms.NewServer(t, p, ffctest.Flag("a"), ffctest.Flag("b"))
	resume := srv.Stall(ffctest.Streaming)
	settings := quick()
	client, _ := newClient(t, srv, &settings)
	if err := srv.WaitConnections(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	if client.Initialized() {
		t.Error("ready without data")
	}
	srv.Put(ffctest.Flag("a").Variations("new"))
	resume()
	ready(t, client)
	if got := client.Variation(t.Context(), "a", anyUser, "none"); got != "new" {
		t.Errorf("got %q, want the pushed value", got)
	}
	if !client.FlagKnown("b") {
		t.Error("the message with everything is missing")
	}
}

func TestSkewedClock(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testSkewedClock)
}

func testSkewedClock(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	tests := []struct {
		name string
		skew time.Duration
		told bool // that the clocks differ, as the token is refused
	}{
		{"ours behind", 10 * time.Minute, true},
		{"ours far behind", 1000 * time.Hour, true},
		{"ours ahead", -10 * time.Minute, p == ffctest.FeatBit},
		{"ours far ahead", -1000 * time.Hour, p == ffctest.FeatBit},
		{"ours a little behind", 20 * time.Second, false},
		{"ours a little ahead", -20 * time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := platforms.NewServer(t, p, ffctest.Flag("f"))
			srv.Skew(tt.skew)
			settings := quick()
			client, log := newClient(t, srv, &settings)
			ready(t, client)
			if told := strings.Contains(log.String(), "clock differs by"); told != tt.told {
				t.Errorf("the log tells of the clocks: %v, want %v:\n%s", told, tt.told, log)
			}
			// It goes on working, also when the clocks agree again.
			srv.Skew(0)
			state := statuses(t, client)
			srv.DropConnections()
			until(t, "the recovery", state, func() bool {
				return client.Stats().Transport.Connects > 1 && client.Status().State == ffc.StateOK
			})
			if err := srv.WaitConnections(testkit.Within(t), 1); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestRefusedSecret(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testRefusedSecret)
}

func testRefusedSecret(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	srv := platforms.NewServer(t, p)
	srv.RejectUpgrade(4003)
	settings := quick()
	client, log := newClient(t, srv, &settings)
	err := client.WaitReady(testkit.Within(t))
	var cause *transport.Error
	if !errors.As(err, &cause) || cause.Kind != transport.KindRefused {
		t.Errorf("WaitReady: got %v, want kind %q", err, transport.KindRefused)
	}
	if got := client.Status().State; got != ffc.StateOff {
		t.Errorf("got state %s", got)
	}
	if err := client.Close(testkit.Within(t)); err != nil { // no more is logged
		t.Error(err)
	}
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("nothing in the log:\n%s", log)
	}
}

// Two clients with one Transport do not get into each other's way.
func TestOneTransportForTwoClients(t *testing.T) {
	t.Parallel()
	a, b := newServer(t, ffctest.Flag("a")), newServer(t, ffctest.Flag("b"))
	settings := quick()
	first, _ := newClient(t, a, &settings)
	second, _ := newClient(t, b, &settings)
	ready(t, first)
	ready(t, second)
	if !first.FlagKnown("a") || first.FlagKnown("b") || second.FlagKnown("a") || !second.FlagKnown("b") {
		t.Error("the clients share data")
	}
	if err := first.Close(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	changed := changes(t, second)
	b.Put(ffctest.Flag("c"))
	until(t, "the change", changed, func() bool { return second.FlagKnown("c") })
}

// Nothing is left of a client after Close, whatever it was doing. This test
// counts goroutines, so it must run alone.
func TestNothingIsLeft(t *testing.T) { platforms.Each(t, testNothingIsLeft) }

func testNothingIsLeft(t *testing.T, p ffctest.Platform) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	tests := []struct {
		name   string
		script func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client
	}{
		{"connecting", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			client, err := ffc.New(t.Context(), ffc.Config{
				EnvSecret: srv.EnvSecret, BaseURL: "http://" + silent.Addr().String(), Transport: settings, StartWait: -1,
			})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := silent.Accept()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return client
		}},
		{"just made", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			client, _ := newClient(t, srv, settings)
			return client
		}},
		{"connected", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			client, _ := newClient(t, srv, settings)
			ready(t, client)
			return client
		}},
		{"waiting for data", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			t.Cleanup(srv.Stall(ffctest.Streaming))
			client, _ := newClient(t, srv, settings)
			if err := srv.WaitConnections(testkit.Within(t), 1); err != nil {
				t.Fatal(err)
			}
			return client
		}},
		{"backing off", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			settings.FirstRetry, settings.MaxRetry = time.Hour, time.Hour
			srv.RejectUpgrade(503)
			client, _ := newClient(t, srv, settings)
			until(t, "an error", statuses(t, client), func() bool { return client.Status().Err != nil })
			return client
		}},
		{"falling back", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			settings.Fallback = &poll.Transport{}
			srv.RejectUpgrade(426)
			client, _ := newClient(t, srv, settings)
			ready(t, client)
			return client
		}},
		{"on demand", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			settings.OnDemand = true
			t.Cleanup(srv.Stall(ffctest.Streaming))
			client, _ := newClient(t, srv, settings)
			if err := client.Refresh(t.Context()); err == nil {
				t.Error("Refresh returned no error")
			}
			return client
		}},
		{"refused", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			srv.RejectUpgrade(4003)
			client, _ := newClient(t, srv, settings)
			_ = client.WaitReady(testkit.Within(t))
			return client
		}},
		{"reconnecting all the time", func(t *testing.T, srv *ffctest.Server, settings *stream.Transport) *ffc.Client {
			client, _ := newClient(t, srv, settings)
			ready(t, client)
			for range 20 {
				srv.DropConnections()
				if err := srv.WaitConnections(testkit.Within(t), 1); err != nil {
					t.Fatal(err)
				}
			}
			return client
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := platforms.NewServer(t, p, ffctest.Flag("f"))
			settings := quick()
			before := runtime.NumGoroutine()
			client := tt.script(t, srv, &settings)
			begin := time.Now()
			if err := client.Close(testkit.Within(t)); err != nil {
				t.Errorf("Close: %v", err)
			}
			t.Logf("closed within %v", time.Since(begin))
			srv.DropConnections() // the server's own
			testkit.GoroutinesEnd(t, before)
		})
	}
}

// A delivery of events that succeeds shows that the platform is back.
func TestDeliveryBringsTheSocketBack(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		t.Parallel()
		srv := platforms.NewServer(t, p, ffctest.Flag("f"))
		settings := stream.Transport{FirstRetry: time.Hour, MaxRetry: time.Hour}
		client, _ := newClient(t, srv, &settings)
		ready(t, client)
		stop := srv.Fail(ffctest.Events, ffctest.Failure{})
		srv.DropConnections()
		until(t, "an interruption", statuses(t, client), func() bool { return client.Status().State == ffc.StateInterrupted })
		client.Variation(t.Context(), "f", ffc.NewUser("u"), "")
		if err := client.Flush(testkit.Within(t)); err == nil {
			t.Error("Flush: no error")
		}
		if n := srv.Connections(); n != 0 {
			t.Errorf("%d connections although nothing succeeded", n)
		}
		stop()
		if err := client.Flush(testkit.Within(t)); err != nil {
			t.Errorf("Flush: %v", err)
		}
		until(t, "the connection", statuses(t, client), func() bool { return client.Status().State == ffc.StateOK })
	})
}

// Close and the platform may both end the connection at any moment.
func TestCloseInAnyMoment(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testCloseInAnyMoment)
}

func testCloseInAnyMoment(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	srv := platforms.NewServer(t, p, ffctest.Flag("f"))
	for n := range 50 {
		settings := quick()
		client, _ := newClient(t, srv, &settings)
		if n%2 == 0 {
			ready(t, client)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			switch n % 3 {
			case 0:
				srv.CloseConnections(1012, "")
			case 1:
				srv.DropConnections()
			case 2:
				srv.Put(ffctest.Flag("f").Variations(strconv.Itoa(n)))
			}
		}()
		begin := time.Now()
		if err := client.Close(testkit.Within(t)); err != nil {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("Close took %v", took)
		}
		<-done
	}
}
