package ffctest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

const (
	trackOK = `{"success":true,"message":"api call success","data":{"code":"OK","message":"OK","messages":null}}`
	user    = `"user":{"keyId":"u1","userName":"Ann","email":"","country":"FR","customizedProperties":[{"name":"age","value":"18"}]}`
	metric  = `{"route":"index/metric","type":"CustomEvent","eventName":"click","numericValue":2.5,"appType":"goserverside"}`
)

// evaluation is one element of userVariations.
func evaluation(flag string) string {
	return `{"featureFlagKeyName":"` + flag + `","sendToExperiment":true,"timestamp":1662595200123,` +
		`"variation":{"localId":1,"variationValue":"true","reason":"rule match"}}`
}

// item is one element of the body.
func item(user, evaluations, metrics string) string {
	return "{" + user + `,"userVariations":[` + evaluations + `],"metrics":[` + metrics + "]}"
}

// Each event has a map of its own, also in each result of Events and OnEvents.
func TestEventsShareNoMap(t *testing.T) {
	t.Parallel()
	onBoth(t, "share no map", func(t *testing.T, p ffctest.Platform) {
		var given []ffctest.Event
		srv, err := ffctest.NewHandler(ffctest.HandlerConfig{Platform: p, OnEvents: func(events []ffctest.Event) { given = events }})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		path, secret, body := "/api/public/track", "envSecret", item(user, evaluation("a")+","+evaluation("b"), metric)
		if p == ffctest.FeatBit {
			record := `{"featureFlagKey":"a","variation":{"id":"1","value":"x"},"timestamp":1,"sendToExperiment":false}`
			path, secret = "/api/public/insight/track", "Authorization"
			body = `{"user":{"keyId":"u1","name":"","customizedProperties":[{"name":"age","value":"18"}]},"variations":[` + record + "," + record + `],"metrics":[]}`
		}
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("["+body+"]"))
		r.Header.Set(secret, srv.EnvSecret)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code != 200 || len(given) < 2 {
			t.Fatalf("got %d and %v", w.Code, given)
		}
		for _, events := range [][]ffctest.Event{given, srv.Events()} {
			events[0].Attributes["age"] = "changed"
			if got := events[1].Attributes["age"]; got != "18" {
				t.Errorf("the second event has age %q", got)
			}
		}
		if got := srv.Events()[0].Attributes["age"]; got != "18" {
			t.Errorf("the server has age %q", got)
		}
	})
}

func TestEventsAreCaptured(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	before := time.Now()
	a := post(t, srv, "["+item(user, evaluation("checkout"), "")+","+item(`"user":{"keyId":"u2"}`, "", metric)+"]")
	if a.Status != 200 || a.Body != trackOK || a.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("got %+v", a)
	}
	events, err := srv.WaitEvents(testkit.Within(t), 2)
	if err != nil || len(events) != 2 {
		t.Fatalf("got %d events, %v, want 2", len(events), err)
	}
	if arrival := events[1].Time; arrival.Before(before) || arrival.After(time.Now()) {
		t.Errorf("the metric's time is %v, not its arrival", arrival)
	}
	events[1].Time = time.Time{}
	want := []ffctest.Event{
		{
			UserKey: "u1", UserName: "Ann", Country: "FR", Attributes: map[string]string{"age": "18"},
			FlagKey: "checkout", VariationID: "1", Value: "true", Reason: "rule match", SendToExperiment: true,
			Time: time.UnixMilli(1662595200123),
		},
		{UserKey: "u2", Metric: "click", MetricValue: 2.5, AppType: "goserverside", Route: "index/metric", Type: "CustomEvent"},
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("got  %+v\nwant %+v", events, want)
	}
	if n := srv.Dropped(); n != 0 {
		t.Errorf("%d dropped, want 0", n)
	}
}

func TestEventsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	for i := range 20 {
		u := fmt.Sprintf(`"user":{"keyId":"u%d"}`, i)
		post(t, srv, "["+item(u, evaluation("a"), metric)+","+item(u, evaluation("b"), "")+"]")
	}
	var got, want []string
	for _, e := range srv.Events() {
		got = append(got, e.UserKey+e.FlagKey+e.Metric)
	}
	for i := range 20 {
		u := fmt.Sprintf("u%d", i)
		want = append(want, u+"a", u+"click", u+"b")
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestSilentDrops(t *testing.T) {
	t.Parallel()
	const noUser = `"user":null`
	late := strings.Replace(evaluation("x"), "1662595200123", "253402300800000", 1)
	missing := strings.Replace(evaluation("x"), `"variation":{`, `"other":{`, 1)
	tests := []struct {
		name, body string
		kept       string
		dropped    int
	}{
		{"two good ones", item(user, evaluation("a"), metric), "a click", 0},
		{"no user", item(noUser, evaluation("a")+","+evaluation("b"), metric), "", 3},
		{"user is absent", `{"metrics":[` + metric + `]}`, "", 1},
		{"blank key", item(`"user":{"keyId":" \t"}`, evaluation("a"), ""), "", 1},
		{"null key", item(`"user":{"keyId":null}`, evaluation("a"), ""), "", 1},
		{"nothing in it", item(user, "", ""), "", 1},
		{"nulls in it", "{" + user + `,"userVariations":null,"metrics":null}`, "", 1},
		{"null item", `null`, "", 1},
		{"other items go on", `null,` + item(user, evaluation("a"), ""), "a", 1},
		{"variation missing first", item(user, missing+","+evaluation("a"), metric), "", 3},
		{"variation missing later", item(user, evaluation("a")+","+missing+","+evaluation("b"), metric), "a", 3},
		{"null evaluation", item(user, evaluation("a")+",null", metric), "a", 2},
		{"null metric", item(user, evaluation("a"), metric+",null,"+metric), "a click", 2},
		{"after the year 9999", item(user, evaluation("a")+","+late, metric), "a", 2},
		{"before the year 1", item(user, strings.Replace(evaluation("a"), "1662595200123", "-62135596800001", 1), ""), "", 1},
		{"in the year 1", item(user, strings.Replace(evaluation("a"), "1662595200123", "-62135596800000", 1), ""), "a", 0},
		{"metric beyond 32 bits", item(user, "", strings.Replace(metric, "2.5", "1e39", 1)+","+metric), "click", 1},
		{"metric beyond 64 bits", item(user, "", strings.Replace(metric, "2.5", "-1e999", 1)), "", 1},
		{"null attribute", item(`"user":{"keyId":"u","customizedProperties":[null]}`, evaluation("a"), ""), "a", 0},
		{"filed under the first flag", item(user, evaluation("base")+","+evaluation("main"), ""), "base base", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t)
			if a := post(t, srv, "["+tt.body+"]"); a.Status != 200 || a.Body != trackOK {
				t.Errorf("got %d %s, want 200", a.Status, a.Body)
			}
			var kept []string
			for _, e := range srv.Events() {
				kept = append(kept, e.FlagKey+e.Metric)
			}
			if got := strings.Join(kept, " "); got != tt.kept {
				t.Errorf("kept %q, want %q", got, tt.kept)
			}
			if got := srv.Dropped(); got != tt.dropped {
				t.Errorf("dropped %d, want %d", got, tt.dropped)
			}
		})
	}
}

func TestEventsOfAnotherEnvironment(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	other := "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fN19fOF9fOV9fZGVmYXVsdF85YzBkZQ=="
	a, err := servertest.Try(testkit.Within(t), "POST", srv.URL+"/api/public/track", "["+item(user, evaluation("a"), metric)+"]", trackHeader(other))
	if err != nil || a.Status != 200 {
		t.Errorf("got %d, %v, want 200", a.Status, err)
	}
	if len(srv.Events()) != 0 || srv.Dropped() != 2 {
		t.Errorf("%d events and %d dropped, want 0 and 2", len(srv.Events()), srv.Dropped())
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	body := `[ {"user":{"keyId":"é"},"metrics":[` + metric + `]} ]`
	header := trackHeader(srv.EnvSecret)
	header.Set("User-Agent", "ffc-go-server-sdk")
	if _, err := servertest.Try(testkit.Within(t), "POST", srv.URL+"/api/public/track", body, header); err != nil {
		t.Fatal(err)
	}
	post(t, srv, "nonsense")
	requests := srv.Requests(ffctest.Events)
	if len(requests) != 2 {
		t.Fatalf("got %d requests, want 2", len(requests))
	}
	if r := requests[0]; string(r.Body) != body || r.Status != 200 || r.Header.Get("User-Agent") != "ffc-go-server-sdk" {
		t.Errorf("got %+v", r)
	}
	if r := requests[1]; string(r.Body) != "nonsense" || r.Status != 400 {
		t.Errorf("got %+v", r)
	}
}

func TestFailNextEvents(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	body := "[" + item(user, evaluation("a"), "") + "]"
	srv.FailNext(ffctest.Events, 1, ffctest.Failure{Status: 429, RetryAfter: "3", Body: "slow down"})
	srv.FailNext(ffctest.Events, 1, ffctest.Failure{})
	srv.FailNext(ffctest.Events, 1, ffctest.Failure{Reset: true})
	srv.FailNext(ffctest.Events, 1, ffctest.Failure{Status: 200, Body: "half", Reset: true})

	if a := post(t, srv, body); a.Status != 429 || a.Body != "slow down" || a.Header.Get("Retry-After") != "3" {
		t.Errorf("got %+v", a)
	}
	if a := post(t, srv, body); a.Status != 503 || a.Body != "" || a.Header.Get("Retry-After") != "" {
		t.Errorf("got %+v", a)
	}
	url, header := srv.URL+"/api/public/track", trackHeader(srv.EnvSecret)
	if a, err := servertest.Try(testkit.Within(t), "POST", url, body, header); err == nil {
		t.Errorf("got %+v, want a reset", a)
	}
	if a, err := servertest.Try(testkit.Within(t), "POST", url, body, header); err == nil || a.Status != 200 || a.Body != "half" {
		t.Errorf("got %+v, %v, want half an answer", a, err)
	}
	if n := len(srv.Events()); n != 0 {
		t.Errorf("%d events, want 0", n)
	}

	// The events count, though the client cannot know.
	srv.FailNext(ffctest.Events, 1, ffctest.Failure{Status: 504, Processed: true})
	srv.FailNext(ffctest.Events, 1, ffctest.Failure{Reset: true, Processed: true})
	if a := post(t, srv, body); a.Status != 504 {
		t.Errorf("got %d, want 504", a.Status)
	}
	if a, err := servertest.Try(testkit.Within(t), "POST", url, body, header); err == nil {
		t.Errorf("got %+v, want a reset", a)
	}
	if a := post(t, srv, body); a.Status != 200 {
		t.Errorf("got %d, want 200", a.Status)
	}
	if n := len(srv.Events()); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	var statuses []int
	for _, r := range srv.Requests(ffctest.Events) {
		statuses = append(statuses, r.Status)
	}
	if want := []int{429, 503, 0, 200, 504, 0, 200}; !reflect.DeepEqual(statuses, want) {
		t.Errorf("got statuses %v, want %v", statuses, want)
	}
	expectPanic(t, "status 4003", func() { srv.FailNext(ffctest.Events, 1, ffctest.Failure{Status: 4003}) })
}

func TestStallEvents(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	ctx := testkit.Within(t)
	url, header := srv.URL+"/api/public/track", trackHeader(srv.EnvSecret)
	body := "[" + item(user, evaluation("a"), "") + "]"
	resume := srv.Stall(ffctest.Events)

	impatient, giveUp := context.WithCancel(ctx)
	type result struct {
		answer answer
		err    error
	}
	results := make(chan result, 2)
	for i, ctx := range []context.Context{impatient, ctx} {
		go func() {
			a, err := servertest.Try(ctx, "POST", url, body, header)
			results <- result{a, err}
		}()
		if _, err := srv.WaitRequests(ctx, ffctest.Events, i+1); err != nil {
			t.Fatal(err)
		}
	}
	giveUp()
	if r := <-results; r.err == nil {
		t.Errorf("got %+v from a stalled server", r.answer)
	}
	if n := len(srv.Events()); n != 0 {
		t.Errorf("%d events while stalled, want 0", n)
	}
	dial(t, srv).Ping() // the other endpoint is well
	resume()
	if r := <-results; r.err != nil || r.answer.Status != 200 {
		t.Errorf("got %+v, %v, want 200", r.answer, r.err)
	}
}

func TestWaitEvents(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	done := make(chan error, 1)
	go func() {
		events, err := srv.WaitEvents(testkit.Within(t), 2)
		if err == nil && len(events) < 2 {
			err = fmt.Errorf("got %d events, want 2", len(events))
		}
		done <- err
	}()
	post(t, srv, "["+item(user, evaluation("a"), "")+"]")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	events, err := srv.WaitEvents(cancelled, 2)
	if err == nil || len(events) != 1 || !strings.Contains(err.Error(), "waited for 2 events, have 1: context canceled") {
		t.Errorf("got %d events, %v", len(events), err)
	}
	post(t, srv, "["+item(user, evaluation("a"), "")+"]")
	if err := <-done; err != nil {
		t.Error(err)
	}
}
