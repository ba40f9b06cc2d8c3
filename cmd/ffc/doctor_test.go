package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

const wantHealthyClassic = `ok    secret     of featureflag.co: account 11, project 22, environment 33 ("ZDJ"…, 72 characters)
ok    url        http://HOST
ok    dns        127.0.0.1 is an address
ok    tcp        HOST accepts connections (N ms)
skip  tls        connections to HOST use no TLS
ok    clock      this machine's clock agrees with the platform's (N ms)
ok    websocket  opened (N ms)
ok    token      accepted
ok    data       2 flags, 1 segment (N ms)
ok    polling    2 flags; segments come by websocket only (N ms)
ok    events     the platform accepts events (N ms)
ok    proxy      no environment variable names a proxy, and no proxy is used

No problem found.
`

const wantHealthyFeatBit = `ok    secret     of FeatBit ("PC0"…, 44 characters)
ok    url        http://HOST
ok    dns        127.0.0.1 is an address
ok    tcp        HOST accepts connections (N ms)
skip  tls        connections to HOST use no TLS
ok    clock      this machine's clock agrees with the platform's (N ms)
ok    websocket  opened (N ms)
ok    token      accepted
ok    data       2 flags, 1 segment (N ms)
ok    polling    2 flags, 1 segment (N ms)
ok    events     the platform accepts events (N ms)
ok    proxy      no environment variable names a proxy, and no proxy is used

No problem found.
`

// TestDoctorHealthy: what people see, and that the platform has nothing of it.
func TestDoctorHealthy(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		want := map[ffctest.Platform]string{ffctest.Classic: wantHealthyClassic, ffctest.FeatBit: wantHealthyFeatBit}[p]
		out := at(t, s, "doctor")
		out.stdout = timeless(out.stdout, s)
		out.is(t, outcome{stdout: want})
		if events := s.Events(); len(events) != 0 {
			t.Errorf("the platform has got events: %v", events)
		}
		noneConnected(t, s)
	})
}

// events is a sink that takes everything.
type events struct{}

// Put implements flush.Sink.
func (events) Put(context.Context, flush.Batch) error { return nil }

// TestDoctorOfRelay: a relay is as good as the platform, and its polling has segments.
func TestDoctorOfRelay(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		client, err := ffc.New(t.Context(), ffc.Config{EnvSecret: s.EnvSecret, BaseURL: s.URL, Transport: &stream.Transport{}, Logger: testkit.Quiet()})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(t.Context())
		environment := map[ffctest.Platform]string{ffctest.Classic: "FF__11__22__33", ffctest.FeatBit: "11111111-2222-3333-4444-555555555555"}[p]
		key, line, err := relay.NewKey(ffc.Platform(p.String()), environment, "test", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := relay.ParseKeys([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		h := &relay.Handler{
			Reader: func(e string) (*ffc.Client, bool) { return client, e == environment }, Keys: keys.Environment, Events: events{}, Logger: testkit.Quiet(),
		}
		server := httptest.NewServer(h)
		defer server.Close()
		defer h.Close()
		h.Refresh(environment) // so that its goroutine runs before the command
		out := invocation{env: map[string]string{"FFC_ENV_SECRET": key, "FFC_BASE_URL": server.URL}}.run(t, "doctor")
		if out.code != 0 || !strings.HasSuffix(out.stdout, "No problem found.\n") || strings.Count(out.stdout, "2 flags, 1 segment") != 2 {
			t.Errorf("exit code %d\n%s%s", out.code, out.stdout, out.stderr)
		}
	})
}

// seen is the JSON of doctor.
type seen struct {
	Failures, Warnings int
	Checks             []struct {
		Name, Outcome, Seen, Advice string
		Ms                          *float64
	}
}

// doctorJSON runs doctor and checks the form of what it says.
func doctorJSON(t *testing.T, i invocation, args ...string) (seen, int) {
	t.Helper()
	out := i.run(t, append([]string{"doctor", "-json"}, args...)...)
	var got seen
	decoder := json.NewDecoder(strings.NewReader(out.stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil || out.stderr != "" {
		t.Fatalf("%v: %s%s", err, out.stdout, out.stderr)
	}
	var names []string
	failures, warnings := 0, 0
	for _, k := range got.Checks {
		names = append(names, k.Name)
		switch k.Outcome {
		case "fail":
			failures++
		case "warn":
			warnings++
		case "ok", "skip":
			if k.Advice != "" {
				t.Errorf("%s is %s but has advice: %q", k.Name, k.Outcome, k.Advice)
			}
			continue
		default:
			t.Errorf("%s is %q", k.Name, k.Outcome)
		}
		if k.Advice == "" || k.Ms == nil {
			t.Errorf("%s is %s without advice", k.Name, k.Outcome)
		}
	}
	if list := strings.Join(names, " "); list != "secret url dns tcp tls clock websocket token data polling events proxy" {
		t.Errorf("the checks are %s", list)
	}
	if got.Failures != failures || got.Warnings != warnings {
		t.Errorf("reported %d failures and %d warnings, there are %d and %d", got.Failures, got.Warnings, failures, warnings)
	}
	return got, out.code
}

// TestDoctorFaults: each fault is found where it is, and what makes no sense
// any more is left out.
func TestDoctorFaults(t *testing.T) {
	t.Parallel()
	type want map[string]string // by check: outcome and part of what was seen; others are ok or, of TLS, skipped
	skip := func(why string, names ...string) want {
		w := want{}
		for _, name := range names {
			w[name] = "skip not checked: " + why
		}
		return w
	}
	with := func(a, b want) want {
		for k, v := range b {
			a[k] = v
		}
		return a
	}
	platforms.EachParallel(t, func(t *testing.T, p ffctest.Platform) {
		dead, silent := "http://"+deadPort(t), "http://"+silentPort(t)
		other := map[ffctest.Platform]string{ffctest.Classic: "featbit", ffctest.FeatBit: "classic"}[p]
		ahead := "fail this machine's clock is 100 s ahead of the platform's, which rejects tokens that are 30 s off"
		aheadToken := "warn accepted only with the platform's time"
		if p == ffctest.Classic { // takes tokens from the future
			ahead, aheadToken = "warn this machine's clock is 100 s ahead of the platform's", "ok"
		}
		// A Date header has whole seconds, and a response takes some time.
		seconds := strings.NewReplacer(" 9 s ", " 10 s ", " 11 s ", " 10 s ", " 99 s ", " 100 s ", " 101 s ", " 100 s ")
		tests := []struct {
			name    string
			prepare func(s *ffctest.Server, env map[string]string) // env can be changed
			args    []string
			want    want
			code    int
		}{
			{name: "nothing", want: want{}},
			{name: "no secret", args: []string{"-secret", "", "-platform", p.String()}, code: 1,
				want: with(skip("there is no secret", "websocket", "token", "data", "polling", "events"), want{"secret": "fail there is no secret"})},
			{name: "secret of the other platform", args: []string{"-platform", other}, code: 1,
				want: with(skip("the secret cannot be used", "websocket", "token", "data", "polling", "events"), want{"secret": "fail the secret is "})},
			{name: "secret with a line break", code: 1,
				prepare: func(s *ffctest.Server, env map[string]string) { env["FFC_ENV_SECRET"] += "\n" },
				want:    with(skip("the secret cannot be used", "websocket", "token", "data", "polling", "events"), want{"secret": "fail the secret has a line break at the end: expected the secret alone"})},
			{name: "no URL", args: []string{"-url", "host:80"}, code: 1,
				want: with(skip("there is no usable URL", "dns", "tcp", "tls", "clock", "websocket", "token", "data", "polling", "events"),
					want{"url": "fail -url: invalid URL"})},
			{name: "dead port", args: []string{"-url", dead}, code: 1,
				want: with(skip("there is no connection to ", "tls", "clock", "websocket", "token", "data", "polling", "events"), want{"tcp": "fail nothing listens at "})},
			{name: "not TLS", code: 1,
				prepare: func(s *ffctest.Server, env map[string]string) {
					env["FFC_BASE_URL"] = strings.Replace(s.URL, "http", "https", 1)
				},
				want: with(skip("there is no TLS connection to ", "clock", "websocket", "token", "data", "polling", "events"), want{"tls": "fail 127.0.0.1:"})},
			{name: "accepts and says nothing", args: []string{"-url", silent, "-timeout", "300ms"}, code: 1,
				want: with(skip("there is no websocket", "token", "data"), want{
					"clock":     "fail the server accepts the connection, but does not respond",
					"websocket": "fail the server accepts the connection, but does not respond",
					"polling":   "fail no data: the server has not responded in time",
					"events":    "fail the server accepts the connection, but does not respond"})},
			{name: "slow clock", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.Skew(100 * time.Second) },
				want:    want{"clock": "fail this machine's clock is 100 s behind the platform's", "token": "warn accepted only with the platform's time"}},
			{name: "fast clock", code: map[ffctest.Platform]int{ffctest.Classic: 0, ffctest.FeatBit: 1}[p],
				prepare: func(s *ffctest.Server, _ map[string]string) { s.Skew(-100 * time.Second) },
				want:    want{"clock": ahead, "token": aheadToken}},
			{name: "clock a little off",
				prepare: func(s *ffctest.Server, _ map[string]string) { s.Skew(10 * time.Second) },
				want:    want{"clock": "warn this machine's clock is 10 s behind the platform's"}},
			{name: "403 to websockets", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.RejectUpgrade(403) },
				want:    with(skip("there is no websocket", "token", "data"), want{"websocket": "fail the server responds with 403 Forbidden instead of opening a websocket"})},
			{name: "404 to websockets", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.RejectUpgrade(404) },
				want:    with(skip("there is no websocket", "token", "data"), want{"websocket": "fail the server responds with 404 Not Found: it is not the platform"})},
			{name: "429 to websockets", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.RejectUpgrade(429) },
				want:    with(skip("there is no websocket", "token", "data"), want{"websocket": "fail the platform responds with 429 Too Many Requests"})},
			{name: "503 to websockets", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.RejectUpgrade(503) },
				want:    with(skip("there is no websocket", "token", "data"), want{"websocket": "fail the platform, or a gateway before it, responds with 503 Service Unavailable"})},
			{name: "redirect of websockets", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.RejectUpgrade(302) },
				want:    with(skip("there is no websocket", "token", "data"), want{"websocket": "fail the server responds with 302 Found"})},
			{name: "reset", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) {
					s.Fail(ffctest.Streaming, ffctest.Failure{Reset: true})
				},
				want: with(skip("there is no websocket", "token", "data"), want{"websocket": "fail there is no HTTP response: "})},
			{name: "refused token", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.RejectUpgrade(4003) },
				want:    with(skip("the platform rejects the token", "data"), want{"token": "fail the platform rejects it (close code 4003)"})},
			{name: "refused token and slow clock", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.Skew(100 * time.Second); s.RejectUpgrade(4003) },
				want: with(skip("the platform rejects the token", "data"), want{"clock": "fail this machine's clock is 100 s behind",
					"token": "fail the platform rejects it (close code 4003) with the platform's own time too: the secret is wrong"})},
			{name: "closed at once", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.RejectUpgrade(1011) },
				want:    want{"token": "skip the platform sent no data", "data": "fail there is no data: the platform closed the connection with code 1011"}},
			{name: "websocket without an answer", args: []string{"-timeout", "1s"}, code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.Stall(ffctest.Streaming) },
				want:    want{"token": "skip the platform sent no data", "data": "fail there is no data: the platform did not respond to the request for data"}},
			{name: "401", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) {
					s.Fail(ffctest.Polling, ffctest.Failure{Status: 401})
					s.Fail(ffctest.Events, ffctest.Failure{Status: 401})
				},
				want: want{"polling": "warn no data: the platform responded with 401 Unauthorized: check the secret", "events": "fail the platform responds with 401 Unauthorized"}},
			{name: "neither websocket nor polling", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) {
					s.RejectUpgrade(503)
					s.Fail(ffctest.Polling, ffctest.Failure{Status: 500})
				},
				want: with(skip("there is no websocket", "token", "data"), want{"websocket": "fail ", "polling": "fail no data: the server responded with 500"})},
			{name: "400 to no events",
				prepare: func(s *ffctest.Server, _ map[string]string) {
					s.Fail(ffctest.Events, ffctest.Failure{Status: 400})
				},
				want: want{"events": "warn the platform responds with 400 Bad Request to an empty list of events"}},
			{name: "404 to events", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) {
					s.Fail(ffctest.Events, ffctest.Failure{Status: 404})
				},
				want: want{"events": "fail the server responds with 404 Not Found: it does not accept events there"}},
			{name: "503 to events", code: 1,
				prepare: func(s *ffctest.Server, _ map[string]string) { s.Fail(ffctest.Events, ffctest.Failure{}) },
				want:    want{"events": "fail the platform responds with 503 Service Unavailable"}},
			{name: "events elsewhere", args: []string{"-events-url", dead}, code: 1, want: nil},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				s := platforms.NewServer(t, p, shop()...)
				env := environmentOf(s)
				if test.prepare != nil {
					test.prepare(s, env)
				}
				if test.want == nil {
					checkEventsElsewhere(t, invocation{env: env}, test.args)
					return
				}
				got, code := doctorJSON(t, invocation{env: env}, test.args...)
				if code != test.code {
					t.Errorf("exit code %d, want %d", code, test.code)
				}
				for _, k := range got.Checks {
					is, want := k.Outcome+" "+seconds.Replace(k.Seen), test.want[k.Name]
					switch {
					case want == "" && k.Name == "tls":
						want = "skip "
					case want == "":
						want = "ok "
					}
					if !strings.HasPrefix(is, want) {
						t.Errorf("%s: got %q, want %q", k.Name, is, want)
					}
				}
			})
		}
	})
}

// checkEventsElsewhere: each place that endpoints are in is checked by itself.
func checkEventsElsewhere(t *testing.T, i invocation, args []string) {
	t.Helper()
	out := i.run(t, append([]string{"doctor"}, args...)...)
	lines := ""
	for _, line := range strings.Split(out.stdout, "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] != "do:" {
			lines += fields[0] + " " + fields[1] + "; "
		}
	}
	const want = "ok secret; ok url; ok dns; ok tcp; skip tls; ok dns; fail tcp; skip tls; ok clock; ok websocket; ok token; ok data; ok polling; skip events; ok proxy; 1 failure.; "
	if lines != want || out.code != 1 {
		t.Errorf("code %d: %s", out.code, lines)
	}
}

// TestDoctorWrongSecret: FeatBit has no data for a secret that it does not
// know.
func TestDoctorWrongSecret(t *testing.T) {
	s := platforms.NewServer(t, ffctest.FeatBit, shop()...)
	env := environmentOf(s)
	env["FFC_ENV_SECRET"] = wrongSecret
	got, code := doctorJSON(t, invocation{env: env})
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, k := range got.Checks {
		if want := map[string]string{"token": "fail", "data": "skip", "secret": "ok"}[k.Name]; want != "" && k.Outcome != want {
			t.Errorf("%s: %s %s", k.Name, k.Outcome, k.Seen)
		}
	}
}

// TestDoctorData checks warnings about data.
func TestDoctorData(t *testing.T) {
	empty, _ := doctorJSON(t, invocation{env: environmentOf(platforms.NewServer(t, ffctest.Classic))})
	broken := ffctest.NewServer([]byte(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[
		{"id":"FF__11__22__33__a","timestamp":1,"ff":{"id":"FF__11__22__33__a","keyName":"a","status":7}}]}}`))
	defer broken.Close()
	odd, _ := doctorJSON(t, invocation{env: environmentOf(broken)})
	for want, got := range map[string]seen{"warn 0 flags, 0 segments": empty, "warn 1 flag, 0 segments, of which 1 item cannot be used: ": odd} {
		for _, k := range got.Checks {
			if is := k.Outcome + " " + k.Seen; k.Name == "data" && !strings.HasPrefix(is, want) {
				t.Errorf("got %q, want %q", is, want)
			}
		}
	}
}

// TestDoctorNamesPatterns: a regular expression that neither engine accepts is
// named, in a flag and in a segment; one that the second engine runs is fine.
func TestDoctorNamesPatterns(t *testing.T) {
	for _, p := range platforms.All() {
		s := platforms.NewServer(t, p, ffctest.Flag("a").Rule("true", ffctest.Attr("plan").MatchRegex("^(?!x)")),
			ffctest.Flag("b").Rule("true", ffctest.Attr("plan").Equal("x"), ffctest.Attr("plan").NotMatchRegex("(")),
			ffctest.Segment("s").Rule(ffctest.Attr("plan").MatchRegex("[z-a]")))
		got, _ := doctorJSON(t, invocation{env: environmentOf(s)})
		const want = `warn 2 flags, 1 segment; rules with errors are in 2 items: flag "b": rule 1: clause 2 (operator "NotMatchRegex"): its regular expression is invalid (missing closing ))`
		for _, k := range got.Checks {
			if is := k.Outcome + " " + k.Seen; k.Name == "data" && is != want {
				t.Errorf("got %q, want %q", is, want)
			}
		}
	}
}

func TestDoctorUsage(t *testing.T) {
	bare(t, "doctor", "now").is(t, outcome{code: cli.ExitUsage, stderr: "ffc: doctor: unexpected argument \"now\"\nRun \"ffc help doctor\" for usage.\n"})
	bare(t, "doctor", "-poll").is(t, outcome{code: cli.ExitUsage, stderr: "ffc: doctor: unknown option -poll\nRun \"ffc help doctor\" for usage.\n"})
}

// TestDoctorKnowsTheOtherPlatform: a secret and a URL of different platforms are
// told apart from a wrong secret.
func TestDoctorKnowsTheOtherPlatform(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		other := map[ffctest.Platform]ffctest.Platform{ffctest.Classic: ffctest.FeatBit, ffctest.FeatBit: ffctest.Classic}[p]
		s := platforms.NewServer(t, p, shop()...)
		out := bare(t, "doctor", "-secret", other.EnvSecret(), "-url", s.URL)
		own, theirs := "featureflag.co", "FeatBit"
		if p == ffctest.FeatBit {
			own, theirs = theirs, own
		}
		want := "the secret is of " + theirs + ", but the server at -url is of " + own
		if out.code != cli.ExitFailed || strings.Count(out.stdout, want) < 2 {
			t.Errorf("got\n%s\nwant %q", out.stdout, want)
		}
	})
}
