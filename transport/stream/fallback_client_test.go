package stream_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// Where websockets do not pass a client works all the same, and its status says
// by which transport.
func TestClientFallsBack(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testClientFallsBack)
}

func testClientFallsBack(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	type way struct {
		name          string
		close, reopen func(srv *ffctest.Server, noDial *atomic.Bool)
	}
	ways := []way{{
		"dial failure",
		func(_ *ffctest.Server, noDial *atomic.Bool) { noDial.Store(true) },
		func(_ *ffctest.Server, noDial *atomic.Bool) { noDial.Store(false) },
	}}
	for _, status := range []int{200, 403, 426, 502} {
		ways = append(ways, way{
			strconv.Itoa(status),
			func(srv *ffctest.Server, _ *atomic.Bool) { srv.RejectUpgrade(status) },
			func(srv *ffctest.Server, _ *atomic.Bool) { srv.RejectUpgrade(0) },
		})
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			flag := ffctest.Flag("f").Variations("0")
			srv := platforms.NewServer(t, p, flag)
			var noDial atomic.Bool
			rt := &http.Transport{}
			t.Cleanup(rt.CloseIdleConnections)
			settings := quick()
			settings.Fallback = &poll.Transport{Interval: 5 * time.Millisecond, FirstRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond}
			settings.FallbackAfter = 20 * time.Millisecond

			way.close(srv, &noDial)
			client, err := ffc.New(testkit.Within(t), ffc.Config{
				EnvSecret: srv.EnvSecret, BaseURL: srv.URL, Transport: &settings, StartWait: -1, Logger: testkit.Quiet(),
				HTTPClient: &http.Client{Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
					if noDial.Load() && strings.HasSuffix(r.URL.Path, "/streaming") {
						return nil, errors.New("connection refused")
					}
					return rt.RoundTrip(r)
				})},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close(testkit.Within(t)) })
			state, changed := statuses(t, client), changes(t, client)
			is := func(what string, want ffc.State, fallback bool) {
				t.Helper()
				until(t, what, state, func() bool {
					got := client.Status()
					return got.State == want && got.Fallback == fallback && (got.Err == nil) == (want == ffc.StateOK)
				})
			}
			values := 0
			follows := func(what string) {
				t.Helper()
				values++
				want := strconv.Itoa(values)
				srv.Put(flag.Variations(want))
				until(t, what, changed, func() bool { return client.Variation(t.Context(), "f", anyUser, "none") == want })
			}

			is("falling back without data", ffc.StateOK, true)
			follows("a change by the fallback")

			way.reopen(srv, &noDial)
			is("the socket taking over", ffc.StateOK, false)
			follows("a change by the socket")
			for range 20 { // a poll that was under way ends meanwhile
				follows("a change by the socket")
			}
			polls := len(srv.Requests(ffctest.Polling))
			for range 20 {
				follows("a change by the socket")
			}
			if n := len(srv.Requests(ffctest.Polling)); n > polls {
				t.Errorf("polled %d times while the socket works", n-polls)
			}

			way.close(srv, &noDial)
			srv.DropConnections()
			is("falling back with data", ffc.StateOK, true)
			follows("a change by the fallback")

			repair := srv.Fail(ffctest.Polling, ffctest.Failure{})
			is("an outage of both", ffc.StateInterrupted, false)
			var cause *transport.Error
			if err := client.Status().Err; !errors.As(err, &cause) {
				t.Errorf("got error %v, want a *transport.Error", err)
			}
			repair()
			is("the fallback working again", ffc.StateOK, true)

			way.reopen(srv, &noDial)
			is("the socket taking over again", ffc.StateOK, false)
			follows("a change by the socket")
		})
	}
}
