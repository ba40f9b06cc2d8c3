package ffctest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

// status makes one request to an endpoint and returns the status of the answer,
// 0 if there is none.
func status(t *testing.T, srv *ffctest.Server, e ffctest.Endpoint) int {
	t.Helper()
	track, poll, header := srv.URL+"/api/public/track", srv.URL+pollPath, trackHeader(srv.EnvSecret)
	if srv.EnvSecret == ffctest.FeatBitEnvSecret {
		track, poll, header = srv.URL+insightPath, srv.URL+latestAll, authorized()
	}
	switch e {
	case ffctest.Streaming:
		_, resp, _ := tryDial(t, srv, query(srv, time.Now()))
		if resp == nil {
			return 0
		}
		return resp.StatusCode
	case ffctest.Events:
		a, _ := servertest.Try(testkit.Within(t), http.MethodPost, track, "[]", header)
		return a.Status
	default:
		a, _ := servertest.Try(testkit.Within(t), http.MethodGet, poll, "", header)
		return a.Status
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	all := map[ffctest.Endpoint]int{ffctest.Streaming: 101, ffctest.Events: 200, ffctest.Polling: 200}
	for e, good := range all {
		onBoth(t, e.String(), func(t *testing.T, p ffctest.Platform) {
			srv := platforms.NewServer(t, p)
			var want []int
			expect := func(statuses ...int) {
				t.Helper()
				for _, w := range statuses {
					if got := status(t, srv, e); got != w {
						t.Errorf("request %d got %d, want %d", len(want), got, w)
					}
					want = append(want, w)
				}
			}
			stopFirst := srv.Fail(e, ffctest.Failure{})
			expect(503, 503, 503)
			stopSecond := srv.Fail(e, ffctest.Failure{Status: 502})
			srv.FailNext(e, 1, ffctest.Failure{Status: 429})
			expect(429, 502, 502)
			stopThird := srv.Fail(e, ffctest.Failure{Reset: true})
			expect(0)
			stopSecond()
			expect(0)
			stopThird()
			stopThird()
			expect(503)
			for other, good := range all {
				if other == e {
					continue
				}
				if got := status(t, srv, other); got != good {
					t.Errorf("%v got %d, want %d", other, got, good)
				}
			}
			stopFirst()
			expect(good, good)
			requests, err := srv.WaitRequests(testkit.Within(t), e, len(want))
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range requests {
				if r.Status != want[i] {
					t.Errorf("request %d is recorded with %d, want %d", i, r.Status, want[i])
				}
			}
		})
	}
}

func TestFailStreaming(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	open := dial(t, srv)
	srv.RejectUpgrade(500)
	stop := srv.Fail(ffctest.Streaming, ffctest.Failure{Status: 4003})
	for range 2 {
		dial(t, srv).ExpectEnd(4003, "invalid request, close by server")
	}
	stop()
	if requests := srv.Requests(ffctest.Streaming); len(requests) != 3 || requests[2].Status != 101 {
		t.Errorf("recorded %+v, want 3 upgrades", requests)
	}
	if got := status(t, srv, ffctest.Streaming); got != 500 {
		t.Errorf("got %d, want RejectUpgrade's 500", got)
	}
	open.Ping()
	open.Expect(pong)
	expectPanic(t, "HTTP status 1006", func() { srv.Fail(ffctest.Events, ffctest.Failure{Status: 1006}) })
}

// TestFailProcessed: events count that were never confirmed.
func TestFailProcessed(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	defer srv.Fail(ffctest.Events, ffctest.Failure{Status: 500, Processed: true})()
	for i := range 3 {
		if a := post(t, srv, `[{"user":{"keyId":"u"},"metrics":[{"eventName":"m","numericValue":1}]}]`); a.Status != 500 {
			t.Errorf("got %d", a.Status)
		}
		if n := len(srv.Events()); n != i+1 {
			t.Errorf("%d events, want %d", n, i+1)
		}
	}
}
