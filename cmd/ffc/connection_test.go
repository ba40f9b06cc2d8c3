package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestSecretSources: the secret is taken from where it is given, the nearest
// first.
func TestSecretSources(t *testing.T) {
	s := platforms.NewServer(t, ffctest.Classic, shop()...)
	file := write(t, "secret.txt", s.EnvSecret+"\r\n")
	wrong := environmentOf(s)
	wrong["FFC_ENV_SECRET"] = "wrong"
	for name, test := range map[string]struct {
		i    invocation
		args []string
	}{
		"variable":       {invocation{env: environmentOf(s)}, nil},
		"option":         {invocation{env: wrong}, []string{"-secret", s.EnvSecret}},
		"file":           {invocation{env: wrong}, []string{"-secret-file", file}},
		"standard input": {invocation{env: wrong, stdin: s.EnvSecret + "\n"}, []string{"-secret-file", "-"}},
		"url by option":  {invocation{env: map[string]string{"FFC_BASE_URL": "http://" + deadPort(t)}}, []string{"-secret", s.EnvSecret, "-url", s.URL}},
		"streaming url": {invocation{}, []string{"-secret", s.EnvSecret, "-url", "http://" + deadPort(t),
			"-streaming-url", "ws" + strings.TrimPrefix(s.URL, "http")}},
	} {
		if out := test.i.run(t, append([]string{"snapshot", "-timeout", "5s"}, test.args...)...); out.code != 0 {
			t.Errorf("%s: code %d, %q", name, out.code, out.stderr)
		}
	}
	const run = "\nRun \"ffc help snapshot\" for usage.\n"
	empty := write(t, "empty.txt", "\n")
	for want, args := range map[string][]string{
		"-secret and -secret-file exclude each other":                                                                         {"-secret", "x", "-secret-file", file},
		"-secret-file: " + empty + " is empty":                                                                                {"-secret-file", empty},
		"-secret-file: open /no/such/file: no such file or directory":                                                         {"-secret-file", "/no/such/file"},
		"-url: invalid URL \"ftp://host\": expected http://host[/prefix] or https://host[/prefix]":                            {"-secret", s.EnvSecret, "-url", "ftp://host"},
		"the secret is FeatBit's, but the platform is set to classic: correct one of them":                                    {"-secret", wrongSecret, "-platform", "classic"},
		"-url: missing URL: FeatBit has no default; expected the URL of the evaluation server, such as http://localhost:5100": {"-secret", wrongSecret},
	} {
		bare(t, append([]string{"snapshot"}, args...)...).is(t, outcome{code: cli.ExitUsage, stderr: "ffc: snapshot: " + want + run})
	}
}

// TestNoData: why there is none is said, and how to find the cause.
func TestNoData(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		said := func(name, address, want string, out outcome) {
			t.Helper()
			want = "ffc: cannot get data from " + address + ": " + want + "\nRun \"ffc doctor\" to find the cause.\n"
			if out.code != cli.ExitNoData || out.stdout != "" || out.stderr != want {
				t.Errorf("%s: code %d, %q, want %q", name, out.code, out.stderr, want)
			}
		}
		dead, silent := deadPort(t), silentPort(t)
		secret := []string{"-secret", s.EnvSecret}
		short := append(secret, "-timeout", "300ms")
		said("dead port", "http://"+dead, "dial tcp "+dead+": connect: connection refused",
			bare(t, append([]string{"snapshot", "-url", "http://" + dead}, short...)...))
		said("dead port with -poll", "http://"+dead, "dial tcp "+dead+": connect: connection refused",
			bare(t, append([]string{"snapshot", "-poll", "-url", "http://" + dead}, short...)...))
		out := bare(t, append([]string{"snapshot", "-url", "http://" + silent}, short...)...)
		if out.code != cli.ExitNoData || out.stdout != "" || !strings.Contains(out.stderr, "cannot get data from http://"+silent+": ") {
			t.Errorf("silent port: %+v", out)
		}
		resume := s.Stall(ffctest.Streaming)
		out = at(t, s, "snapshot", "-timeout", "300ms")
		resume()
		if out.code != cli.ExitNoData || out.stdout != "" {
			t.Errorf("a platform that accepts and says nothing: %+v", out)
		}
		s.RejectUpgrade(503)
		said("503", s.URL, "the platform, or a proxy before it, responded with 503 Service Unavailable instead of opening a websocket",
			at(t, s, "snapshot", "-timeout", "300ms"))
		s.RejectUpgrade(404)
		said("404", s.URL, "the platform, or a proxy before it, responded with 404 Not Found instead of opening a websocket: check the URL",
			at(t, s, "snapshot", "-timeout", "300ms"))
		s.RejectUpgrade(4003)
		said("refused token", s.URL, "the platform closed the connection with code 4003: check the secret, "+
			"which must be of this platform, and that this machine's clock is right, as the platform allows no more than 30 s", at(t, s, "snapshot"))
		s.RejectUpgrade(0)
		stop := s.Fail(ffctest.Polling, ffctest.Failure{Status: 401})
		said("401 with -poll", s.URL, "the platform responded with 401 Unauthorized: check the secret", at(t, s, "snapshot", "-poll"))
		stop()
		stop = s.Fail(ffctest.Polling, ffctest.Failure{Status: 503})
		said("503 with -poll", s.URL, "the server responded with 503 Service Unavailable", at(t, s, "snapshot", "-poll", "-timeout", "300ms"))
		stop()
	})
}

// TestRecovery: a platform that comes back in time is waited for.
func TestRecovery(t *testing.T) {
	t.Parallel()
	s := platforms.NewServer(t, ffctest.Classic, shop()...)
	s.FailNext(ffctest.Streaming, 1, ffctest.Failure{Status: 503})
	if out := at(t, s, "snapshot"); out.code != 0 {
		t.Errorf("code %d, %q", out.code, out.stderr)
	}
}

// TestWrongClock: the SDK makes up for a wrong clock, and it is said.
func TestWrongClock(t *testing.T) {
	s := platforms.NewServer(t, ffctest.Classic, shop()...)
	s.Skew(100 * time.Second)
	out := at(t, s, "snapshot")
	if out.code != 0 || !strings.HasPrefix(out.stderr, "ffc: warning: the platform refused the connection: this machine's clock differs by 1m") {
		t.Errorf("code %d, %q", out.code, out.stderr)
	}
}

// TestInterrupted: Ctrl-C ends whatever is under way at once, without a word.
func TestInterrupted(t *testing.T) {
	s := platforms.NewServer(t, ffctest.Classic, shop()...)
	for _, e := range []ffctest.Endpoint{ffctest.Streaming, ffctest.Polling, ffctest.Events} {
		defer s.Stall(e)()
	}
	for _, args := range [][]string{{"snapshot"}, {"snapshot", "-poll"}, {"eval", "-all", "-user", "u1"}, {"doctor", "-timeout", "1m"}} {
		ctx, cancel := context.WithCancel(t.Context())
		endpoint := ffctest.Streaming
		if args[len(args)-1] == "-poll" {
			endpoint = ffctest.Polling
		}
		n := len(s.Requests(endpoint))
		go func() {
			defer cancel()
			_, _ = s.WaitRequests(t.Context(), endpoint, n+1)
		}()
		began := time.Now()
		out := invocation{ctx: ctx, env: environmentOf(s)}.run(t, args...)
		if out.code != cli.ExitInterrupted || out.stderr != "" {
			t.Errorf("%v: code %d, %q", args, out.code, out.stderr)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%v took %v to end", args, took)
		}
		cancel()
	}
}
