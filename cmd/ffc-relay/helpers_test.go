package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// world is a platform with an engine, and a configuration of both.
type world struct {
	*testing.T
	app      *app
	platform *ffctest.Server
	engine   fleet.Backend
}

// newWorld returns a platform of FeatBit with the flags checkout and banner, and a
// directory as the engine main. The environment is called prod.
func newWorld(t *testing.T) *world {
	t.Helper()
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(
		ffctest.Flag("checkout").Variations("old", "new").Serve("old"), ffctest.Flag("banner").Serve("true"), ffctest.Segment("beta").Include("ann"),
	))
	t.Cleanup(platform.Close)
	dir := t.TempDir()
	return &world{T: t, platform: platform, engine: fleet.Dir{Path: dir}, app: &app{
		reload:    make(chan os.Signal),
		open:      openEngine,
		openQueue: openQueue,
		environ: []string{
			"USER=ann",
			"FFC_RELAY_LISTEN=127.0.0.1:0",
			"FFC_RELAY_ENGINES_MAIN_URL=dir:" + dir,
			"FFC_RELAY_ENVIRONMENTS_PROD_SECRET=" + platform.EnvSecret,
			"FFC_RELAY_ENVIRONMENTS_PROD_URL=" + platform.URL,
		},
	}}
}

// inMemory replaces the engine.
func (w *world) inMemory(b fleet.Backend) {
	w.engine = b
	w.app.open = func(engineConfig, func() *engineConfig) (fleet.Backend, func(), error) { return b, func() {}, nil }
}

// outcome is what a command line came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs a command. It must tell no secret, and must leave nothing behind.
func (w *world) run(args ...string) outcome {
	w.Helper()
	var stdout, stderr bytes.Buffer
	code := w.app.run(testkit.Within(w), args, strings.NewReader(""), &stdout, &stderr)
	out := outcome{code, stdout.String(), stderr.String()}
	w.discreet(out.stdout + out.stderr)
	return out
}

// discreet fails the test if a text has a secret.
func (w *world) discreet(text string) {
	w.Helper()
	for _, secret := range []string{w.platform.EnvSecret, "s3cret"} {
		if strings.Contains(text, secret) {
			w.Errorf("the output has a secret:\n%s", text)
		}
	}
}

// ok runs a command that must succeed, and returns its output.
func (w *world) ok(args ...string) string {
	w.Helper()
	out := w.run(args...)
	if out.code != 0 {
		w.Fatalf("%v: exit code %d\n%s%s", args, out.code, out.stdout, out.stderr)
	}
	return out.stdout
}

// fails runs a command that must fail with a code and a text on stderr.
func (w *world) fails(code int, want string, args ...string) {
	w.Helper()
	if out := w.run(args...); out.code != code || !strings.Contains(out.stderr, want) {
		w.Errorf("%v: exit code %d, want %d; stderr:\n%s\nwant %q", args, out.code, code, out.stderr, want)
	}
}

// environment returns the name of prod on the platform.
func (w *world) environment() string {
	w.Helper()
	c, err := load("", w.app.environ)
	if err != nil {
		w.Fatal(err)
	}
	return c.environments["prod"].environment
}

// serves checks what readers get for a flag.
func (w *world) serves(flag, want string) {
	w.Helper()
	client, err := fleetkit.NewReader(w.Context(), &fleet.Transport{Environment: w.environment(), Backends: []fleet.Backend{w.engine}}, 0)
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close(context.Background())
	if got := client.Variation(w.Context(), flag, ffc.NewUser("u"), "fallback"); got != want {
		w.Errorf("%s is %q, want %q; status %+v", flag, got, want, client.Status())
	}
}

// files returns what the directory that is the engine has, by path.
func (w *world) files() map[string]string {
	w.Helper()
	all := make(map[string]string)
	root := w.engine.(fleet.Dir).Path
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// write writes a file of a test.
func (w *world) write(path, text string) string {
	w.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.TempDir(), path)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// served is the publish command that runs.
type served struct {
	w       *world
	address string
	sdks    string // the address for SDKs; "" for publish
	stop    context.CancelFunc
	ended   chan int
	log     *testkit.Log
}

// serve starts the publish command. The caller calls end.
func (w *world) serve(args ...string) *served {
	w.Helper()
	return w.start(append([]string{"publish"}, args...)...)
}

// start starts a command that runs until a signal. The caller calls end.
func (w *world) start(args ...string) *served {
	w.Helper()
	ctx, stop := context.WithCancel(w.Context())
	s := &served{w: w, stop: stop, ended: make(chan int, 1), log: new(testkit.Log)}
	listening := make(chan [2]string, 1)
	w.app.listening = func(address, serving string) { listening <- [2]string{address, serving} }
	go func() {
		s.ended <- w.app.run(ctx, args, strings.NewReader(""), io.Discard, s.log)
	}()
	select {
	case addresses := <-listening:
		s.address, s.sdks = addresses[0], addresses[1]
	case code := <-s.ended:
		stop()
		w.Fatalf("exit code %d\n%s", code, s.log.String())
	}
	return s
}

// end ends the command, as SIGTERM does.
func (s *served) end() {
	s.w.Helper()
	s.stop()
	if code := <-s.ended; code != 0 {
		s.w.Errorf("exit code %d\n%s", code, s.log.String())
	}
	s.w.discreet(s.log.String())
}

// get requests an endpoint.
func (s *served) get(path string) (status int, body string) {
	s.w.Helper()
	resp, err := http.Get("http://" + s.address + path)
	if err != nil {
		s.w.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.w.Fatal(err)
	}
	s.w.discreet(string(data))
	return resp.StatusCode, string(data)
}

// status requests /status.
func (s *served) status() (r report) {
	s.w.Helper()
	_, body := s.get("/status")
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		s.w.Fatal(err)
	}
	return r
}

// environment returns the status of an environment: the zero status if there is none, as
// when the program has just begun.
func (s *served) environment(name string) environmentReport {
	s.w.Helper()
	if e := s.status().Environments[name]; e != nil {
		return *e
	}
	return environmentReport{}
}

// hangup sends SIGHUP.
func (s *served) hangup() { s.w.app.reload <- syscall.SIGHUP }

// usage is the exit code of an invalid command line.
const usage = cli.ExitUsage
