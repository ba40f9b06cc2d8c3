package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// The whole life of the command: it is ready, publishes changes, tells its state, and
// hands over.
func TestPublishServesAndHandsOver(t *testing.T) {
	w := newWorld(t)
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENGINES_COPY_URL=dir:"+t.TempDir(), "FFC_RELAY_ENVIRONMENTS_PROD_MIRRORS=copy")
	s := w.serve()
	testkit.Eventually(t, "ready", func() bool { code, _ := s.get("/readyz"); return code == http.StatusOK })
	testkit.Eventually(t, "leads", func() bool { return s.environment("prod").Leader })
	w.serves("checkout", "old")
	w.platform.Put(ffctest.Flag("checkout").Variations("old", "new").Serve("new"))
	testkit.Eventually(t, "the change is published", func() bool { return s.environment("prod").Publishes == 2 })
	w.serves("checkout", "new")
	if code, _ := s.get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz responds %d", code)
	}
	_, text := s.get("/metrics")
	for _, f := range families() {
		if !strings.Contains(text, "# TYPE "+f.name+" "+f.kind+"\n") {
			t.Errorf("/metrics lacks %s", f.name)
		}
	}
	for _, line := range []string{
		`ffc_relay_leader{environment="prod"} 1`, `ffc_relay_blind{environment="prod"} 0`, `ffc_relay_publishes_total{environment="prod"} 2`,
		`ffc_relay_config_reload_failed 0`, `ffc_relay_environments 1`, `ffc_relay_engine_requests_total{engine="main",op="swap",result="ok"} `,
		`ffc_relay_engine_seconds_bucket{engine="main",op="get",le="+Inf"} `, `ffc_relay_data_age_seconds{environment="prod"} `,
		`ffc_relay_mirror_lag_seconds{environment="prod",mirror="copy"} `,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("/metrics lacks %s:\n%s", line, text)
		}
	}
	s.end()
	status, err := (&relay.Environment{Name: w.environment(), Backend: w.engine}).Status(t.Context())
	if err != nil || status.Owner != "" {
		t.Errorf("status %+v, error %v; want that no replica leads", status, err)
	}
}

// The names of metrics are a promise: alerts and dashboards have them.
func TestNamesOfMetrics(t *testing.T) {
	want := "ffc_relay_data_age_seconds ffc_relay_leader ffc_relay_blind ffc_relay_held ffc_relay_pinned ffc_relay_revision ffc_relay_publishes_total " +
		"ffc_relay_failing ffc_relay_mirror_lag_seconds ffc_relay_engine_requests_total ffc_relay_engine_seconds " +
		"ffc_relay_websockets ffc_relay_reported_revision_lag_seconds ffc_relay_requests_total ffc_relay_events_total " +
		"ffc_relay_events_failing ffc_relay_queue_batches ffc_relay_queue_bytes ffc_relay_queue_oldest_seconds ffc_relay_environments ffc_relay_config_reload_failed"
	var got []string
	for _, f := range families() {
		got = append(got, f.name)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, " "), want)
	}
}

// /healthz fails if the process is stuck. While the process drains, which takes longer than
// probes wait, it responds at once.
func TestHealthzOfAStuckProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(supervisor)
		health := func() (status int, took time.Duration) {
			began, w := time.Now(), httptest.NewRecorder()
			endpoints(s, nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
			return w.Code, time.Since(began)
		}
		if status, took := health(); status != http.StatusInternalServerError || took != stuckAfter {
			t.Errorf("stuck: %d after %v", status, took)
		}
		time.AfterFunc(time.Second, s.drain)
		if status, _ := health(); status != http.StatusOK {
			t.Errorf("beginning to drain: %d", status)
		}
		if status, took := health(); status != http.StatusOK || took != 0 {
			t.Errorf("draining: %d after %v", status, took)
		}
	})
}

// A reload starts and stops environments. An environment that is wrong, and a
// configuration that is wrong, leave what works.
func TestReload(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	secretFile := w.write(filepath.Join(dir, "secret"), w.platform.EnvSecret+"\n")
	config := func(environments string) string {
		return fmt.Sprintf(`{"listen": "127.0.0.1:0", "engines": {"main": {"url": "dir:%s"}}, "environments": {%s}}`, w.engine.(fleet.Dir).Path, environments)
	}
	prod := fmt.Sprintf(`"prod": {"secretFile": %q, "url": %q}`, secretFile, w.platform.URL)
	file := w.write(filepath.Join(dir, "relay.json"), config(prod))
	w.app.environ = nil
	s := w.serve("-config", file)
	testkit.Eventually(t, "leads", func() bool { return s.environment("prod").Leader })
	replica := s.environment("prod").Replica
	failed := func() bool {
		_, text := s.get("/metrics")
		return strings.Contains(text, "\nffc_relay_config_reload_failed 1\n")
	}

	w.write(file, config(prod+`, "bad": {"secret": "x", "url": "http://127.0.0.1:1"}`))
	s.hangup()
	testkit.Eventually(t, "the environment bad has an error", func() bool {
		e := s.status().Environments["bad"]
		return e != nil && e.Error != ""
	})
	if code, _ := s.get("/readyz"); code != http.StatusOK || !failed() {
		t.Errorf("/readyz responds %d with a bad environment", code)
	}
	w.write(file, config(prod+`, "bad": {"secretFile": "/no/such/file"}`))
	s.hangup()
	testkit.Eventually(t, "the environment bad has another error", func() bool {
		return strings.Contains(s.environment("bad").Error, "/no/such/file")
	})

	w.write(file, `{"environments": 1}`)
	s.hangup()
	testkit.Eventually(t, "the configuration has an error", func() bool { return strings.Contains(s.status().Config, "environments") })
	w.write(file, config(prod))
	s.hangup()
	testkit.Eventually(t, "the environment bad is gone", func() bool { return len(s.status().Environments) == 1 && !failed() })
	if now := s.environment("prod"); !now.Leader || now.Replica != replica {
		t.Errorf("prod was restarted: %+v", now)
	}

	// Another secret of the same shape: the platform rejects it, and prod goes on as
	// another replica. A secret that is missing keeps the old one.
	if err := os.Remove(secretFile); err != nil {
		t.Fatal(err)
	}
	s.hangup()
	testkit.Eventually(t, "the missing file is reported", failed)
	if now := s.environment("prod"); !now.Leader || now.Replica != replica {
		t.Errorf("prod was restarted: %+v", now)
	}
	key, _, err := relay.NewKey(ffc.PlatformFeatBit, s.environment("prod").Environment, "x", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w.write(secretFile, key) // found without SIGHUP
	testkit.Eventually(t, "the new secret is in use", func() bool { return s.environment("prod").Replica != replica && !failed() })

	// Without a secret prod is for commands only, and is not published any more.
	w.write(file, config(`"prod": {"environment": "x"}, "other": {"secret": "x"}`))
	s.hangup()
	testkit.Eventually(t, "prod is gone", func() bool { return s.status().Environments["prod"] == nil })
	s.end()
}

// A password that changes is in use from the next connection on. Nothing is restarted.
func TestPasswordOfAnEngineChanges(t *testing.T) {
	w := newWorld(t)
	file := w.write("password", "s3cret-1")
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENGINES_MAIN_PASSWORD_FILE="+file)
	var now func() *engineConfig
	w.app.open = func(_ engineConfig, current func() *engineConfig) (fleet.Backend, func(), error) {
		now = current
		return w.engine, func() {}, nil
	}
	s := w.serve()
	testkit.Eventually(t, "leads", func() bool { return s.environment("prod").Leader })
	replica := s.environment("prod").Replica
	w.write(file, "s3cret-2")
	s.hangup()
	testkit.Eventually(t, "the new password is in use", func() bool { return now().password == "s3cret-2" })
	if e := s.environment("prod"); e.Replica != replica || !e.Leader {
		t.Errorf("prod was restarted: %+v", e)
	}
	s.end()
}

// featBit is a platform in memory for any number of environments.
type featBit struct{ down func(secret string) bool }

// RoundTrip implements http.RoundTripper.
func (f *featBit) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.down(r.Header.Get("Authorization")) {
		return nil, errors.New("connection refused")
	}
	const body = `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[{"id":"a","key":"a","updatedAt":"2000-01-01T00:00:00Z","isEnabled":false,` +
		`"variationType":"string","disabledVariationId":"v","variations":[{"id":"v","value":"on"}]}],"segments":[]}}`
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// 200 environments come and go. One is broken, and one is down.
func TestManyEnvironments(t *testing.T) {
	const n = 200
	secrets := make([]string, 2*n)
	for i := range secrets {
		var err error
		if secrets[i], _, err = relay.NewKey(ffc.PlatformFeatBit, fmt.Sprintf("00000000-0000-0000-0000-%012d", i+1), "x", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	// configOf has environments from first to before last.
	configOf := func(first, last int) *config {
		environ := []string{"FFC_RELAY_ENGINES_MAIN_URL=dir:x", "FFC_RELAY_ENVIRONMENTS_BROKEN_SECRET=x"}
		for i := first; i < last; i++ {
			environ = append(environ, fmt.Sprintf("FFC_RELAY_ENVIRONMENTS_E%d_SECRET=%s", i, secrets[i]), fmt.Sprintf("FFC_RELAY_ENVIRONMENTS_E%d_URL=http://platform.test", i))
		}
		c, err := load("", environ)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := new(fleettest.Memory)
		platform := &featBit{down: func(secret string) bool { return secret == secrets[0] }}
		s := &supervisor{log: slog.New(slog.DiscardHandler), publishes: true, adjust: func(_ string, p *relay.Publisher) {
			p.Config.HTTPClient = &http.Client{Transport: platform}
			p.Config.Transport = &poll.Transport{Interval: time.Second}
		}}
		opened, closed := 0, 0
		s.engines = engines{metrics: &s.metrics, open: func(engineConfig, func() *engineConfig) (fleet.Backend, func(), error) {
			opened++
			return m, func() { closed++ }, nil
		}}
		leaders := func() (n int, replicas map[string]string) {
			replicas = make(map[string]string)
			for name, e := range s.report().Environments {
				if e.Leader {
					n++
					replicas[name] = e.Replica
				}
			}
			return n, replicas
		}
		s.apply(ctx, configOf(0, n))
		if s.report().Ready {
			t.Error("ready before any data")
		}
		time.Sleep(readyAfter + time.Second)
		now := s.report()
		if got, _ := leaders(); got != n-1 || len(now.Environments) != n+1 || !now.Ready {
			t.Errorf("%d of %d environments lead, ready %t", got, len(now.Environments), now.Ready)
		}
		if now.Environments["broken"].Error == "" || now.Environments["e0"].Error == "" {
			t.Errorf("no error: %+v, %+v", now.Environments["broken"], now.Environments["e0"])
		}
		_, before := leaders()
		s.apply(ctx, configOf(n/2, n+n/2)) // half of them go, others come
		time.Sleep(time.Minute)
		got, after := leaders()
		if got != n {
			t.Errorf("%d environments lead, want %d", got, n)
		}
		for name, replica := range after {
			if was, ok := before[name]; ok && was != replica {
				t.Errorf("%s was restarted", name)
			}
		}
		s.drain()
		if s.report().Ready {
			t.Error("ready while draining")
		}
		cancel()
		s.wait()
		if opened != 1 || closed != 1 {
			t.Errorf("the engine was opened %d times and closed %d times", opened, closed)
		}
	})
}

func TestPublishOnce(t *testing.T) {
	w := newWorld(t)
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENVIRONMENTS_OTHER_SECRET=x", "FFC_RELAY_ENVIRONMENTS_READ_ENVIRONMENT="+w.environment())
	// dry checks what a dry run prints, and that it writes nothing.
	dry := func(want string) {
		t.Helper()
		before := w.files()
		if got := w.ok("publish", "-dry-run", "prod"); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if after := w.files(); !maps.Equal(after, before) {
			t.Errorf("a dry run has changed the engine: it has %d files, had %d", len(after), len(before))
		}
	}
	dry("prod: would publish the first data, ")
	w.fails(3, "has no data", "status", "prod")
	if out := w.run("publish", "-once"); out.code != 1 || !strings.HasPrefix(out.stdout, "prod: published revision ") || !strings.Contains(out.stderr, "other: ") {
		t.Errorf("%+v", out)
	}
	w.serves("banner", "true")
	dry("prod: nothing would change\n")
	before := w.platform.Snapshot()
	w.platform.Put(ffctest.Flag("banner").Serve("false"), ffctest.Segment("beta").Include("bob"))
	dry("prod: would publish 1 flag: banner; 1 segment: beta\n")
	w.ok("publish", "-once", "prod")
	w.serves("banner", "false")
	if err := w.platform.Restore(before); err != nil { // a backup
		t.Fatal(err)
	}
	w.fails(1, "use -accept if that is right", "publish", "-once", "prod")
	w.serves("banner", "false")
	w.ok("publish", "-once", "-accept", "prod")
	w.serves("banner", "true")
}

func TestPublishUsage(t *testing.T) {
	w := newWorld(t)
	w.fails(usage, `unknown environment "prdo": did you mean "prod"?`, "publish", "prdo")
	w.fails(usage, "-by needs -file", "publish", "-by", "ann")
	w.fails(usage, "-timeout needs -once", "publish", "-timeout", "1s")
	w.fails(usage, "-file: expected one environment", "publish", "-file", "x")
	w.fails(usage, "-file excludes", "publish", "-file", "x", "-once", "prod")
	w.fails(3, "no such file", "publish", "-file", "/no/such/file", "prod")
	w.app.environ = append(w.app.environ, "FFC_RELAY_LISTEN=192.0.2.1:80")
	w.app.environ[1] = "X=Y"
	w.fails(1, "cannot listen on 192.0.2.1:80", "publish")
	w.app.environ = nil
	w.fails(usage, "missing environment", "publish")
}

// Named environments that can be used are published, however many others cannot.
func TestPublishNamedBesideUnusable(t *testing.T) {
	w := newWorld(t)
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENVIRONMENTS_BAD_SECRET=x", "FFC_RELAY_ENVIRONMENTS_OTHER_SECRET=x", "FFC_RELAY_ENVIRONMENTS_READ_ENVIRONMENT=x")
	once := w.run("publish", "-once", "prod", "bad", "read")
	if once.code != 1 || !strings.HasPrefix(once.stdout, "prod: published revision ") || !strings.Contains(once.stderr, "bad: environments.bad.secret: ") ||
		!strings.Contains(once.stderr, "read: environments.read: missing secret") || strings.Contains(once.stderr, "other") {
		t.Errorf("-once: %+v", once)
	}
	s := w.serve("prod", "bad", "read")
	testkit.Eventually(t, "leads", func() bool { return s.environment("prod").Leader })
	for name, want := range map[string]string{"bad": "environments.bad.secret: ", "read": "environments.read: missing secret"} {
		if e := s.environment(name); !strings.Contains(e.Error, want) {
			t.Errorf("%s: status %+v, want the error %s", name, e, want)
		}
	}
	if e := s.status().Environments["other"]; e != nil {
		t.Errorf("an environment that is not named is reported: %+v", e)
	}
	s.end()
	w.fails(usage, "environments.bad.secret: ", "publish", "bad")
}

// An environment reports its engine, too: what is wrong with both stops no other.
func TestPublishBesideUnusableEngine(t *testing.T) {
	w := newWorld(t)
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENVIRONMENTS_BAD_SECRET=x", "FFC_RELAY_ENVIRONMENTS_BAD_ENGINE=eu",
		"FFC_RELAY_ENGINES_EU_URL=redis://a:6379", "FFC_RELAY_ENGINES_EU_PASSWORD_FILE=/no/such/file")
	out := w.run("publish", "-once")
	if out.code != 1 || !strings.HasPrefix(out.stdout, "prod: published revision ") || !strings.Contains(out.stderr, "bad: environments.bad.secret: ") ||
		!strings.Contains(out.stderr, "engines.eu.passwordFile") {
		t.Errorf("%+v", out)
	}
}

// A variable does not change in a process: without a file there is nothing to wait for.
func TestPublishEndsIfNoEnvironmentCanBeUsed(t *testing.T) {
	for name, test := range map[string]struct{ variable, want string }{
		"invalid secret": {"FFC_RELAY_ENVIRONMENTS_PROD_SECRET=abc", "environments.prod.secret: "},
		"no secret":      {"FFC_RELAY_ENVIRONMENTS_PROD_SECRET=", "environments.prod: missing secret"},
		"invalid engine": {"FFC_RELAY_ENGINES_MAIN_URL=flags", "engines.main.url"},
		"invalid URL":    {"FFC_RELAY_ENVIRONMENTS_PROD_URL=flags", "environments.prod: Publisher.Config: "}, // which the publisher finds
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			variable, _, _ := strings.Cut(test.variable, "=")
			w.app.environ = slices.DeleteFunc(w.app.environ, func(pair string) bool { return strings.HasPrefix(pair, variable+"=") })
			w.app.environ = append(w.app.environ, test.variable)
			w.fails(usage, test.want, "publish")
		})
	}
}

func TestPublishWaitsForAFileToChange(t *testing.T) {
	w := newWorld(t)
	file := w.write(filepath.Join(t.TempDir(), "secret"), "abc")
	w.app.environ = slices.DeleteFunc(w.app.environ, func(pair string) bool { return strings.HasPrefix(pair, "FFC_RELAY_ENVIRONMENTS_PROD_SECRET=") })
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENVIRONMENTS_PROD_SECRET_FILE="+file)
	s := w.serve()
	const said = "the environment cannot be published; waiting for the configuration to change"
	testkit.Eventually(t, said, func() bool { return strings.Contains(s.log.String(), said) })
	w.write(file, w.platform.EnvSecret)
	s.hangup()
	testkit.Eventually(t, "leads", func() bool { return s.environment("prod").Leader })
	s.end()
}
