package stream_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// refreshing returns a client whose every Refresh is a fetch, with data.
func refreshing(t *testing.T, srv *ffctest.Server) *ffc.Client {
	t.Helper()
	settings := quick()
	settings.OnDemand, settings.MaxAge, settings.Budget = true, 1, 20*time.Second
	client, _ := newClient(t, srv, &settings)
	refresh(t, client)
	return client
}

func refresh(t *testing.T, client *ffc.Client) {
	t.Helper()
	if err := client.Refresh(testkit.Within(t)); err != nil {
		t.Errorf("Refresh: %v", err)
	}
}

// A client that works on demand has its data after Refresh, segments included.
func TestOnDemandClient(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testOnDemandClient)
}

func testOnDemandClient(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	flag := func(value string) *ffctest.FlagBuilder {
		return ffctest.Flag("f").Variations("other", value).Rule(value, ffctest.InSegment("staff"))
	}
	items := []ffctest.Item{ffctest.Segment("staff").Include("u"), flag("first"), ffctest.Flag("archived")}
	for i := range 7 { // an answer that lacks more than a tenth of what is there is held back
		items = append(items, ffctest.Flag(fmt.Sprint("other-", i)))
	}
	srv := platforms.NewServer(t, p, items...)
	client := refreshing(t, srv)
	for n := range 20 {
		want := strconv.Itoa(n)
		srv.Put(flag(want))
		if n == 10 {
			srv.Archive("archived")
		}
		refresh(t, client)
		if got := client.Variation(t.Context(), "f", anyUser, "none"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := client.FlagKnown("archived"), n < 10; got != want {
			t.Errorf("the archived flag is there: %v, want %v", got, want)
		}
	}
	if got := client.Status(); got.State != ffc.StateOK || got.Err != nil || got.Fallback {
		t.Errorf("got status %+v", got)
	}
}

// TestOnDemandClientOwnsNothing: in between nothing works and no socket is
// open. This test looks at goroutines, so it must run alone.
func TestOnDemandClientOwnsNothing(t *testing.T) { platforms.Each(t, testOnDemandClientOwnsNothing) }

func testOnDemandClientOwnsNothing(t *testing.T, p ffctest.Platform) {
	srv := platforms.NewServer(t, p, ffctest.Flag("f"))
	before := runtime.NumGoroutine()
	check := func() {
		t.Helper()
		testkit.WorkEnds(t)
		if err := srv.WaitConnections(testkit.Within(t), 0); err != nil {
			t.Fatal(err)
		}
	}
	client := refreshing(t, srv)
	check()
	for range 3 {
		refresh(t, client)
		check()
		client.Variation(t.Context(), "f", anyUser, "none")
		if err := client.Flush(testkit.Within(t)); err != nil {
			t.Errorf("Flush: %v", err)
		}
		check()
	}
	srv.RejectUpgrade(503)
	if err := client.Refresh(testkit.Within(t)); err == nil {
		t.Error("Refresh returned no error")
	}
	check()
	if err := client.Close(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	testkit.GoroutinesEnd(t, before)
}

func TestOnDemandClientDialsOnce(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testOnDemandClientDialsOnce)
}

func testOnDemandClientDialsOnce(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	srv := platforms.NewServer(t, p, ffctest.Flag("f").Variations("value"))
	client, _ := newClient(t, srv, &stream.Transport{OnDemand: true, Budget: 20 * time.Second})
	resume := srv.Stall(ffctest.Streaming)
	ctx := testkit.Within(t)
	var waiting, calls sync.WaitGroup
	waiting.Add(1000)
	for range 1000 {
		calls.Go(func() {
			ctx := asked{ctx, sync.OnceFunc(waiting.Done)}
			if err := client.Refresh(ctx); err != nil {
				t.Errorf("Refresh: %v", err)
			}
			if got := client.Variation(ctx, "f", anyUser, "none"); got != "value" {
				t.Errorf("got %q after Refresh", got)
			}
		})
	}
	waiting.Wait()
	if err := srv.WaitConnections(ctx, 1); err != nil {
		t.Fatal(err)
	}
	resume()
	calls.Wait()
	if n := len(srv.Requests(ffctest.Streaming)); n != 1 {
		t.Errorf("dialled %d times for 1000 calls at once", n)
	}
}

// asked is a context that tells when it is first asked for its deadline: by
// Refresh, when it is about to wait.
type asked struct {
	context.Context
	tell func()
}

func (a asked) Deadline() (time.Time, bool) {
	a.tell()
	return a.Context.Deadline()
}

// storeOf is a transport that gives away the store of its client.
type storeOf struct {
	transport.Transport
	store transport.Store
}

func (s *storeOf) Open(env transport.Env) (transport.Session, error) {
	s.store = env.Store
	return s.Transport.Open(env)
}

// What says nothing new builds nothing new: neither the same data again nor
// answers without changes.
func TestNothingNewRebuildsNothing(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testNothingNewRebuildsNothing)
}

func testNothingNewRebuildsNothing(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	for _, onDemandToo := range []bool{false, true} {
		t.Run(strconv.FormatBool(onDemandToo), func(t *testing.T) {
			t.Parallel()
			flag := ffctest.Flag("f").Variations("old", "new")
			srv := platforms.NewServer(t, p, flag, ffctest.Segment("s"))
			settings := quick()
			settings.OnDemand, settings.MaxAge, settings.Budget = onDemandToo, 1, 20*time.Second
			spy := &storeOf{Transport: &settings}
			client, err := ffc.New(testkit.Within(t), ffc.Config{EnvSecret: srv.EnvSecret, BaseURL: srv.URL, Transport: spy, Logger: testkit.Quiet()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close(testkit.Within(t)) })
			built := spy.store.Mark()
			updates := client.Stats().Updates
			state := statuses(t, client)
			for range 10 {
				if onDemandToo {
					refresh(t, client)
					continue
				}
				connects := client.Stats().Transport.Connects
				srv.DropConnections()
				until(t, "a reconnect", state, func() bool {
					return client.Stats().Transport.Connects > connects && client.Status().State == ffc.StateOK
				})
				srv.Send([]byte(patch))
			}
			changed := changes(t, client)
			srv.Put(flag.Serve("new"))
			if onDemandToo {
				if got := spy.store.Mark(); got != built {
					t.Errorf("built %d times of nothing new", got-built)
				}
				refresh(t, client)
			}
			until(t, "the change", changed, func() bool { return client.Variation(t.Context(), "f", anyUser, "none") == "new" })
			if got := spy.store.Mark(); got != built+1 {
				t.Errorf("built %d times, want once, of what is new", got-built)
			}
			if got := client.Stats().Updates - updates; got < 10 {
				t.Errorf("%d messages came, want at least 10", got)
			}
		})
	}
}

// Close and Refresh may meet at any moment.
func TestOnDemandClientClosesInAnyMoment(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testOnDemandClientClosesInAnyMoment)
}

func testOnDemandClientClosesInAnyMoment(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	srv := platforms.NewServer(t, p, ffctest.Flag("f"))
	for n := range 50 {
		settings := stream.Transport{OnDemand: true}
		client, _ := newClient(t, srv, &settings)
		var calls sync.WaitGroup
		for range n % 5 {
			calls.Go(func() { _ = client.Refresh(context.Background()) })
		}
		if n%2 == 0 {
			refresh(t, client)
		}
		if err := client.Close(testkit.Within(t)); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := client.Refresh(testkit.Within(t)); err == nil {
			t.Error("Refresh works after Close")
		}
		calls.Wait()
	}
}
