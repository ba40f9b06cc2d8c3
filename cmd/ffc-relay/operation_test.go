package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// replace replaces a file in one step, as the documentation says.
func (w *world) replace(path, text string) {
	w.Helper()
	if err := os.Rename(w.write(path+".new", text), path); err != nil {
		w.Fatal(err)
	}
}

// TestKeyRotation: keys are replaced under load, each with a time in which the old and
// the new key are valid. No request fails and no evaluation returns a fallback. Then the
// old key is rejected, and its websockets are closed.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, file := w.serving()
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line := string(first)
	w.ok("publish", "-once")
	s := w.start("serve")
	defer s.end()
	poll := func(key string) int {
		req, err := http.NewRequest(http.MethodGet, "http://"+s.sdks+"/api/public/sdk/server/latest-all", nil)
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	testkit.Eventually(t, "ready", func() bool { return poll(key) == http.StatusOK })

	// keys are what the applications use: requests hold the lock.
	var using sync.RWMutex
	keys := []string{key}
	clients := []*ffc.Client{w.sdk(s.sdks, key, &stream.Transport{FirstRetry: time.Millisecond})}
	use := func(with []string) {
		var next []*ffc.Client
		for _, key := range with {
			client := w.sdk(s.sdks, key, &stream.Transport{FirstRetry: time.Millisecond})
			if err := client.WaitReady(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
			next = append(next, client)
		}
		using.Lock()
		defer using.Unlock()
		keys, clients = with, next
	}
	if err := clients[0].WaitReady(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var polls, failures, fallbacks atomic.Int64
	var load sync.WaitGroup
	for i := range 4 {
		load.Go(func() {
			for ; ctx.Err() == nil; i++ {
				using.RLock()
				if poll(keys[i%len(keys)]) != http.StatusOK {
					failures.Add(1)
				}
				if clients[i%len(clients)].Variation(ctx, "checkout", ffc.NewUser("u"), "fallback") != "old" {
					fallbacks.Add(1)
				}
				using.RUnlock()
				polls.Add(1)
			}
		})
	}
	var left *ffc.Client // of an application that was forgotten
	for range 2 {
		old := keys[0]
		oldLine := line
		key, line, err = relay.NewKey(ffc.PlatformFeatBit, w.environment(), "next", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		w.replace(file, oldLine+"\n"+line)
		s.hangup()
		testkit.Eventually(t, "the new key is valid", func() bool { return poll(key) == http.StatusOK })
		use([]string{old, key}) // applications change one after the other
		before := polls.Load()
		testkit.Eventually(t, "requests with both keys", func() bool { return polls.Load() > before+20 })
		left = clients[0]
		use([]string{key})
		until := time.Now().Add(2 * time.Second).UTC().Truncate(time.Second)
		w.replace(file, strings.TrimSpace(oldLine)+" "+until.Format(time.RFC3339)+"\n"+line)
		s.hangup()
		testkit.Eventually(t, "the old key has ended", func() bool { return poll(old) == http.StatusUnauthorized })
		if time.Now().Before(until) {
			t.Errorf("the old key ended before %v", until)
		}
	}
	testkit.Eventually(t, "the websocket of the old key is closed", func() bool { return left.Status().State != ffc.StateOK })
	stop()
	load.Wait()
	if failures.Load() > 0 || fallbacks.Load() > 0 || polls.Load() < 40 {
		t.Errorf("%d of %d polls failed, %d evaluations returned the fallback", failures.Load(), polls.Load(), fallbacks.Load())
	}
}

// TestEmptyFileOfKeys: a file without keys, such as one that is just being written, does
// not close the websockets of all clients.
func TestEmptyFileOfKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, keys := w.serving()
	w.ok("publish", "-once")
	s := w.start("serve")
	client := w.sdk(s.sdks, key, &poll.Transport{})
	w.evaluates(client, "checkout", "old")
	w.write(keys, "# keys\n")
	s.hangup()
	testkit.Eventually(t, "reload failed", func() bool { return strings.Contains(s.status().Config, "no keys") })
	w.evaluates(w.sdk(s.sdks, key, &poll.Transport{}), "checkout", "old")
	s.end()
	w.fails(usage, "no keys", "serve")
}

// TestEnvironmentsBreakOneByOne: of 200 environments that one process publishes and
// serves, one breaks every minute, each time in another way. It keeps its data, all
// others are current, and it recovers when it is repaired.
func TestEnvironmentsBreakOneByOne(t *testing.T) {
	t.Parallel()
	const n, refresh, beat = 200, 10 * time.Second, 5 * time.Second
	secrets, keys, lines := make([]string, n), make([]string, n), make([]string, n)
	for i := range n {
		name := fmt.Sprintf("00000000-0000-0000-0000-%012d", i+1)
		var err error
		if secrets[i], _, err = relay.NewKey(ffc.PlatformFeatBit, name, "x", time.Time{}); err != nil {
			t.Fatal(err)
		}
		if keys[i], lines[i], err = relay.NewKey(ffc.PlatformFeatBit, name, "x", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	// configOf has all environments; the secret of one is malformed, or none is with -1.
	configOf := func(malformed int) *config {
		environ := []string{"FFC_RELAY_ENGINES_MAIN_URL=dir:x", "FFC_RELAY_KEYS=" + file, fmt.Sprint("FFC_RELAY_REFRESH=", refresh), fmt.Sprint("FFC_RELAY_BEAT=", beat)}
		for i, secret := range secrets {
			if i == malformed {
				secret = "x"
			}
			environ = append(environ, fmt.Sprintf("FFC_RELAY_ENVIRONMENTS_E%d_SECRET=%s", i, secret), fmt.Sprintf("FFC_RELAY_ENVIRONMENTS_E%d_URL=http://platform.test", i))
		}
		c, err := load("", environ)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	faults := []struct {
		name     string
		platform func(*http.Request) (*http.Response, error)       // nil is the platform that works
		engine   func(ctx context.Context, c fleettest.Call) error // nil is the engine that works
		config   bool                                              // its secret is malformed
	}{
		{name: "the platform rejects the secret", platform: respondWith(http.StatusUnauthorized, "")},
		{name: "the platform is down", platform: func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }},
		{name: "the platform hangs", platform: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}},
		{name: "the data is malformed", platform: respondWith(http.StatusOK, `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[{"id":`)},
		{name: "the engine is down", engine: func(context.Context, fleettest.Call) error { return errors.New("connection refused") }},
		{name: "the engine hangs", engine: func(ctx context.Context, _ fleettest.Call) error {
			<-ctx.Done()
			return ctx.Err()
		}},
		{name: "the configuration is malformed", config: true},
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var broken, fault atomic.Int64
		broken.Store(-1)
		m := new(fleettest.Memory)
		m.Before(func(ctx context.Context, c fleettest.Call) error {
			i := broken.Load()
			if i < 0 || !strings.HasPrefix(c.Name, fmt.Sprintf("00000000-0000-0000-0000-%012d/", i+1)) {
				return nil
			}
			if f := faults[fault.Load()].engine; f != nil {
				return f(ctx, c)
			}
			return nil
		})
		works := &featBit{down: func(string) bool { return false }}
		platform := &http.Client{Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
			if i := broken.Load(); i >= 0 && r.Header.Get("Authorization") == secrets[i] {
				if f := faults[fault.Load()].platform; f != nil {
					return f(r)
				}
			}
			return works.RoundTrip(r)
		})}
		s := &supervisor{log: slog.New(slog.DiscardHandler), publishes: true, adjust: func(_ string, p *relay.Publisher) {
			p.Config.HTTPClient = platform
			p.Config.Transport = &poll.Transport{Interval: 10 * time.Second}
		}}
		s.engines = engines{metrics: &s.metrics, open: func(engineConfig, func() *engineConfig) (fleet.Backend, func(), error) { return m, func() {}, nil }}
		listener := testkit.NewListener()
		s.service = newService(s, configOf(-1), listener, nil)
		connections := &http.Transport{DialContext: listener.Dial, MaxIdleConnsPerHost: 4}
		relayed := &http.Client{Transport: connections}
		s.apply(ctx, configOf(-1))
		time.Sleep(time.Minute)
		// age returns how old the data is that clients of an environment get.
		age := func(i int) time.Duration {
			req, err := http.NewRequest(http.MethodGet, "http://relay.test/api/public/sdk/server/latest-all", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", keys[i])
			resp, err := relayed.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			asOf, malformed := time.Parse(time.RFC3339, resp.Header.Get("Ffc-As-Of"))
			if err = errors.Join(err, malformed); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"id":"v"`) {
				t.Fatalf("environment %d: %d, %q, error %v", i, resp.StatusCode, body, err)
			}
			return time.Since(asOf)
		}
		replicas := make(map[string]string)
		for name, e := range s.report().Environments {
			replicas[name] = e.Replica
		}
		for minute, f := range faults {
			i := minute * 31
			fault.Store(int64(minute))
			broken.Store(int64(i))
			if f.config {
				s.apply(ctx, configOf(i))
			}
			time.Sleep(time.Minute)
			now := s.report()
			for j := range n {
				name := fmt.Sprint("e", j)
				e, old := now.Environments[name], age(j)
				switch {
				case e.Replica != replicas[name]:
					t.Errorf("%s in environment %d: %s was restarted", f.name, i, name)
				case j != i && (!e.Leader || e.Blind || e.Error != "" || e.Served.Error != "" || old > 40*time.Second):
					t.Errorf("%s in environment %d: %s has data that is %v old, %+v", f.name, i, name, old, e)
				case j == i && !f.config && (!e.Blind && e.Error == "" && e.Served.Error == "" || old < 40*time.Second):
					t.Errorf("%s, which %s does not report: its data is %v old, %+v", f.name, name, old, e)
				case j == i && f.config && (now.Config == "" || old > 40*time.Second):
					t.Errorf("%s of %s, whose data is %v old: reported %q", f.name, name, old, now.Config)
				}
			}
			broken.Store(-1)
			if f.config {
				s.apply(ctx, configOf(-1))
			}
		}
		time.Sleep(5 * time.Minute) // the longest pause, after a secret was rejected, is 10 min
		for j := range n {
			if e := s.report().Environments[fmt.Sprint("e", j)]; !e.Leader || e.Blind || e.Error != "" || age(j) > 40*time.Second {
				t.Errorf("environment %d is not repaired: %+v", j, e)
			}
		}
		s.drain()
		cancel()
		s.wait()
		connections.CloseIdleConnections()
		s.service.close()
	})
}

// respondWith is a platform that responds with a status and a body.
func respondWith(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Request: r, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}
