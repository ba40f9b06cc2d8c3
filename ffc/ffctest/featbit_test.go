package ffctest_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

const (
	latestAll   = "/api/public/sdk/server/latest-all"
	insightPath = "/api/public/insight/track"
	featBitPong = `{"messageType":"pong","data":{}}`
	// featBitOther is of environment aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee.
	featBitOther = "PC0eD1pLeGmHlqW0w9Lh8Aqqqqqru7zMzd3e7u7u7u7g"
	// featBitTypo is of the right environment.
	featBitTypo = "QC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"
)

func authorized() http.Header { return featBitHeader(ffctest.FeatBitEnvSecret) }

func featBitHeader(secret string) http.Header {
	return http.Header{"Authorization": {secret}, "Content-Type": {"application/json; charset=utf-8"}}
}

// TestFeatBitDataSync: archived items are part of every answer.
func TestFeatBitDataSync(t *testing.T) {
	t.Parallel()
	srv := platforms.NewServer(t, ffctest.FeatBit,
		ffctest.Flag("a").Version(10), ffctest.Flag("b").Version(30), ffctest.Flag("c").Version(20),
		ffctest.Segment("s").Version(25), ffctest.Segment("t").Version(35), ffctest.Flag("gone"))
	srv.Archive("gone")
	gone := srv.Version()
	tests := []struct{ name, request, want string }{
		{"zero", `{"messageType":"data-sync","data":{"timestamp":0}}`, "full -gone b c a | t s"},
		{"strictly newer", `{"messageType":"data-sync","data":{"timestamp":20}}`, "patch -gone b | t s"},
		{"one newer", fmt.Sprintf(`{"messageType":"data-sync","data":{"timestamp":%d}}`, gone-1), "patch -gone |"},
		{"nothing newer", fmt.Sprintf(`{"messageType":"data-sync","data":{"timestamp":%d}}`, gone), "patch |"},
		{"ping", `{"messageType":"ping","data":{}}`, featBitPong},
		{"unknown", `{"messageType":"other","data":{}}`, ""},
	}
	c := dial(t, srv)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.Send(tt.request)
			if tt.want != "" {
				c.Expect(tt.want)
				return
			}
			c.Sync(gone) // had the frame been answered, its answer would be before this one's
			c.Expect("patch |")
		})
	}
	srv.Put(ffctest.Flag("gone"))
	c.Expect("patch gone |")
	srv.ArchiveSegment("s")
	c.Expect("patch | -s")
}

func TestFeatBitPolling(t *testing.T) {
	t.Parallel()
	srv := platforms.NewServer(t, ffctest.FeatBit, ffctest.Flag("a").Version(10), ffctest.Flag("gone").Version(20), ffctest.Segment("s").Version(15))
	srv.Archive("gone")
	newest := srv.Version()
	tests := []struct {
		name, query, secret string
		status              int
		want                string // the summary; "" is an empty body
	}{
		{"everything", "", srv.EnvSecret, 200, "full -gone a | s"},
		{"everything, asked for", "?timestamp=0", srv.EnvSecret, 200, "full -gone a | s"},
		{"changes", "?timestamp=10", srv.EnvSecret, 200, "patch -gone | s"},
		{"nothing new", fmt.Sprint("?timestamp=", newest), srv.EnvSecret, 200, ""},
		{"no environment", "", srv.EnvSecret[:22] + strings.Repeat("A", 22), 401, ""},
		{"other environment", "", featBitOther, 200, "full |"},
		{"other environment, changes", "?timestamp=10", featBitOther, 200, ""},
		{"typo in the secret", "", featBitTypo, 200, "full -gone a | s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+latestAll+tt.query, "", featBitHeader(tt.secret))
			if err != nil || a.Status != tt.status || servertest.Summary([]byte(a.Body)) != tt.want {
				t.Errorf("got %d %s, %v, want %d %s", a.Status, a.Body, err, tt.status, tt.want)
			}
			if hasType := a.Header.Get("Content-Type") != ""; hasType != (tt.want != "") {
				t.Errorf("got content type %q", a.Header.Get("Content-Type"))
			}
		})
	}
	for _, path := range []string{pollPath, "/api/public/track", latestAll + "/"} {
		if a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+path, "", authorized()); err != nil || a.Status != 404 {
			t.Errorf("%s: got %d, %v", path, a.Status, err)
		}
	}
}

const (
	featBitUser   = `"user":{"keyId":"u1","name":"Ann","customizedProperties":[{"name":"age","value":"18"},{"name":"country","value":"FR"},{"name":"email","value":"a@example.com"}]}`
	featBitVaried = `{"featureFlagKey":"checkout","variation":{"id":"1","value":"red"},"timestamp":1662595200123,"sendToExperiment":true}`
	featBitMetric = `{"appType":"go-server-side","route":"index/metric","type":"CustomEvent","eventName":"click","numericValue":2.5,"timestamp":1662595200456}`
)

func TestFeatBitEvents(t *testing.T) {
	t.Parallel()
	srv := platforms.NewServer(t, ffctest.FeatBit)
	body := `[{` + featBitUser + `,"variations":[` + featBitVaried + `]},{"user":{"keyId":"u2"},"metrics":[` + featBitMetric + `]}]`
	a, err := servertest.Try(testkit.Within(t), "POST", srv.URL+insightPath, body, authorized())
	if err != nil || a.Status != 200 || a.Body != "" {
		t.Errorf("got %+v, %v", a, err)
	}
	want := []ffctest.Event{
		{
			UserKey: "u1", UserName: "Ann", Email: "a@example.com", Country: "FR", Attributes: map[string]string{"age": "18"},
			FlagKey: "checkout", VariationID: "1", Value: "red", SendToExperiment: true, Time: time.UnixMilli(1662595200123),
		},
		{UserKey: "u2", Metric: "click", MetricValue: 2.5, AppType: "go-server-side", Route: "index/metric", Type: "CustomEvent", Time: time.UnixMilli(1662595200456)},
	}
	if got, err := srv.WaitEvents(testkit.Within(t), 2); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// TestFeatBitTrackAnswers: events that FeatBit cannot use are dropped, and the others
// of the body are kept.
func TestFeatBitTrackAnswers(t *testing.T) {
	t.Parallel()
	varied, metric := `,"variations":[`+featBitVaried+`]`, `,"metrics":[`+featBitMetric+`]`
	with := func(rest string) string { return `[{` + featBitUser + rest + `}]` }
	tests := []struct {
		name, body, kept string
		dropped          int
		secret           string
	}{
		{name: "all", body: with(varied + metric), kept: "checkout click"},
		{name: "several in a list", body: with(`,"variations":[` + featBitVaried + `,` + featBitVaried + `],"metrics":[` + featBitMetric + `,` + featBitMetric + `]`), kept: "checkout checkout click click"},
		{name: "empty lists", body: with(`,"variations":[],"metrics":[]`)},
		{name: "a user alone", body: with("")},
		{name: "empty", body: "[]"},
		{name: "blank key", body: `[{"user":{"keyId":" "}` + varied + metric + `}]`, dropped: 2},
		{name: "no user", body: `[{"variations":[` + featBitVaried + `]}]`, dropped: 1},
		{name: "null variation", body: with(`,"variations":[{"featureFlagKey":"f","variation":null},` + featBitVaried + `]`), kept: "checkout", dropped: 1},
		{name: "too large for 32 bits", body: with(strings.Replace(metric, "2.5", "1e39", 1)), dropped: 1},
		{name: "other environment", body: with(varied + metric), dropped: 2, secret: featBitOther},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := platforms.NewServer(t, ffctest.FeatBit)
			header := authorized()
			if tt.secret != "" {
				header.Set("Authorization", tt.secret)
			}
			a, err := servertest.Try(testkit.Within(t), "POST", srv.URL+insightPath, tt.body, header)
			if err != nil || a.Status != 200 || a.Body != "" {
				t.Errorf("got %+v, %v, want 200", a, err)
			}
			var kept []string
			for _, e := range srv.Events() {
				kept = append(kept, e.FlagKey+e.Metric)
			}
			if got := strings.Join(kept, " "); got != tt.kept || srv.Dropped() != tt.dropped {
				t.Errorf("kept %q and dropped %d, want %q and %d", got, srv.Dropped(), tt.kept, tt.dropped)
			}
		})
	}
}

// TestFeatBitData: data of the platform itself can be served.
func TestFeatBitData(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../testdata/featbit/dotnet-full-data-set.json")
	if err != nil {
		t.Fatal(err)
	}
	srv := ffctest.FeatBit.NewServer(data)
	defer srv.Close()
	client := sdk(t, srv, &stream.Transport{})
	if err := srv.WaitSynced(testkit.Within(t), client); err != nil {
		t.Error(err)
	}
	again := ffctest.FeatBit.NewServer(srv.Snapshot())
	defer again.Close()
	if string(again.Snapshot()) != string(srv.Snapshot()) || again.Version() != srv.Version() || srv.Version() == 0 {
		t.Errorf("version %d became %d", srv.Version(), again.Version())
	}
	// Flags without an environment are flags of any environment.
	anywhere := []byte(`{"featureFlags":[{"key":"x","updatedAt":"2026-01-01T00:00:00Z"}]}`)
	if err := again.Restore(anywhere); err != nil {
		t.Error(err)
	}
	if err := again.Replace(anywhere); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		`{"featureFlags":[{"id":"x","updatedAt":"2026-01-01T00:00:00Z"}]}`: "no key",
		`{"featureFlags":[{"key":"x"}]}`:                                   "no updatedAt",
		`{"segments":[{"id":"x","updatedAt":"yesterday"}]}`:                `"yesterday" is not a time`,
		`{"segments":[{"updatedAt":"2026-01-01T00:00:00"}]}`:               "no id",
	} {
		expectPanic(t, want, func() { ffctest.FeatBit.NewServer([]byte(text)).Close() })
	}
}

// TestPlatformsEvaluateAlike: a description means the same on both, as long as
// no percentage decides.
func TestPlatformsEvaluateAlike(t *testing.T) {
	t.Parallel()
	items := []ffctest.Item{
		ffctest.Segment("s").Include("in").Exclude("out").Rule(ffctest.Attr("email").EndsWith("@example.com")),
		ffctest.Flag("f").Variations("off", "target", "key", "name", "attribute", "segment", "rest").OffVariation("off").
			Target("target", "t1", "t2").
			Rule("key", ffctest.Attr("key").Equal("k")).
			Rule("name", ffctest.Attr("name").StartsWith("An")).
			Rule("attribute", ffctest.Attr("age").AtLeast("18"), ffctest.Attr("country").IsOneOf("FR", "BE")).
			Rule("segment", ffctest.InSegment("s")).
			Serve("rest"),
		ffctest.Flag("disabled").Off(),
	}
	users := map[string]ffc.User{
		"target":    ffc.NewUser("t2"),
		"key":       ffc.NewUser("k"),
		"name":      ffc.NewUser("u", ffc.Name("Ann")),
		"attribute": ffc.NewUser("u", ffc.Int("age", 18), ffc.Country("BE")),
		"segment":   ffc.NewUser("u", ffc.Email("u@example.com")),
		"rest":      ffc.NewUser("out", ffc.Email("u@example.com"), ffc.Int("age", 17), ffc.Country("BE")),
	}
	onBoth(t, "same items", func(t *testing.T, p ffctest.Platform) {
		client, err := ffc.New(t.Context(), ffc.Config{Offline: true, EnvSecret: p.EnvSecret(), Bootstrap: p.Snapshot(items...)})
		if err != nil {
			t.Fatal(err)
		}
		for want, user := range users {
			if got := client.Variation(t.Context(), "f", user, "fallback"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if client.BoolVariation(t.Context(), "disabled", users["rest"], true) {
			t.Error("a flag that is off serves its first variation")
		}
	})
}

// TestFeatBitExperiment: who counts in experiments.
func TestFeatBitExperiment(t *testing.T) {
	t.Parallel()
	srv := platforms.NewServer(t, ffctest.FeatBit,
		ffctest.Flag("all").Target("true", "t"),
		ffctest.Flag("none").NoExperiment(),
		ffctest.Flag("some").Target("true", "t").Experiment(100, 0).Serve("true"))
	client := sdk(t, srv, &stream.Transport{})
	for _, key := range []string{"all", "none", "some"} {
		client.BoolVariation(t.Context(), key, ffc.NewUser("t"), false)
		client.BoolVariation(t.Context(), key, ffc.NewUser("u"), false)
	}
	if err := client.Flush(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range srv.Events() {
		got = append(got, fmt.Sprint(e.FlagKey, e.UserKey, e.SendToExperiment))
	}
	slices.Sort(got) // a request has them by user
	want := []string{"allttrue", "allutrue", "nonetfalse", "noneufalse", "sometfalse", "someutrue"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Flags of a real environment are served under a secret of that environment, and
// under each other one of it, so that a program can start with the same snapshot.
func TestFeatBitSnapshotOfAnotherEnvironment(t *testing.T) {
	t.Parallel()
	const env = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	data := bytes.ReplaceAll(ffctest.FeatBit.Snapshot(ffctest.Flag("f").Variations("on", "off")), []byte("11111111-2222-3333-4444-555555555555"), []byte(env))
	srv := ffctest.FeatBit.NewServer(data)
	defer srv.Close()
	if srv.EnvSecret == ffctest.FeatBitEnvSecret || len(srv.EnvSecret) != 44 {
		t.Fatalf("the secret is %s", srv.EnvSecret)
	}
	another := strings.Repeat("A", 21) + "Q" + srv.EnvSecret[22:]
	for _, secret := range []string{srv.EnvSecret, another, ffctest.FeatBitEnvSecret} {
		for name, how := range map[string]transport.Transport{"stream": &stream.Transport{}, "poll": &poll.Transport{}} {
			cfg := ffc.Config{EnvSecret: secret, BaseURL: srv.URL, Transport: how, StartWait: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
			if secret != ffctest.FeatBitEnvSecret {
				cfg.Bootstrap = data
			}
			client, err := ffc.New(t.Context(), cfg)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !client.Initialized() || client.Variation(t.Context(), "f", ffc.NewUser("u"), "") != "on" {
				t.Errorf("%s: %+v", name, client.Status())
			}
			client.Close(t.Context())
		}
	}
	srv.Put(ffctest.Flag("g"))
	if n := bytes.Count(srv.Snapshot(), []byte(env)); n != 2 {
		t.Errorf("%d flags are of the environment, want 2", n)
	}
	if err := srv.Replace(data); err != nil {
		t.Error(err)
	}
	if err := srv.Replace(bytes.ReplaceAll(data, []byte(env), []byte("aa1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"))); err == nil {
		t.Error("flags of another environment were taken")
	}
}
