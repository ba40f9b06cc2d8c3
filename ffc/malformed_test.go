package ffc_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// source is a transport whose messages a test applies.
type source struct{ store transport.Store }

func (s *source) Open(env transport.Env) (transport.Session, error) {
	s.store = env.Store
	return s, nil
}
func (s *source) Stats() transport.Stats  { return transport.Stats{} }
func (s *source) Run(ctx context.Context) { <-ctx.Done() }

// TestMalformedFlags: flags that say little more than their keys answer that
// there is an error, are told once each, and harm no others.
func TestMalformedFlags(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	from := &source{}
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: ffctest.EnvSecret, Transport: from, StartWait: -1, QuietFallbacks: true, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Events: flush.Config{Disabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	whole := string(ffctest.Snapshot(ffctest.Flag("fine")))
	message := strings.Replace(whole, `"featureFlags":[`, `"featureFlags":[{"id":"FF__11__22__33__bad1","timestamp":"now"},{"id":"FF__11__22__33__bad2"},`, 1)
	if message == whole {
		t.Fatal(whole)
	}
	for range 2 {
		if _, err := from.store.Apply([]byte(message), from.store.Mark()); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]ffc.Reason{"fine": ffc.ReasonFallthrough, "bad1": ffc.ReasonError, "bad2": ffc.ReasonError, "none": ffc.ReasonFlagNotFound} {
			if got := client.BoolVariationDetail(t.Context(), key, ffc.NewUser("u"), false); got.Reason != want {
				t.Errorf("%s: got %q, want %q", key, got.Reason, want)
			}
		}
	}
	for _, key := range []string{"bad1", "bad2"} {
		waitForLog(t, &log, key)
		if n := strings.Count(log.String(), key); n != 1 {
			t.Errorf("%s is told %d times: %s", key, n, log.String())
		}
	}
}

// TestLargeFlagsAreReadBeforehand: with a transport that pushes, large flags are
// decoded when they arrive. The test sees that by the logged problem of a flag that
// is never evaluated.
func TestLargeFlagsAreReadBeforehand(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	from := &source{}
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: ffctest.EnvSecret, Transport: from, StartWait: -1,
		Logger: slog.New(handlerFunc(func(r slog.Record) {
			if r.Level == slog.LevelError {
				r.Attrs(func(a slog.Attr) bool { told <- a.String(); return true })
			}
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	flag := func(key string, size int) string {
		return `{"id":"FF__11__22__33__` + key + `","ff":{},"x":"` + strings.Repeat("x", size) + `"}`
	}
	message := `{"eventType":"full","featureFlags":[` + flag("small", 1000) + "," + flag("large", 100_000) + `]}`
	if _, err := from.store.Apply([]byte(message), from.store.Mark()); err != nil {
		t.Fatal(err)
	}
	expect := func(key string) {
		select {
		case text := <-told:
			if !strings.Contains(text, key) {
				t.Errorf("told %s, expected %s", text, key)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s is not told", key)
		}
	}
	expect("large")
	client.BoolVariation(t.Context(), "small", ffc.NewUser("u"), false)
	expect("small")
}

// TestMalformedBootstraps are errors of New, which say what is wrong.
func TestMalformedBootstraps(t *testing.T) {
	t.Parallel()
	for message, want := range map[string][]string{
		`{"featureFlags":[{"id":"FF__1__2__3__a"}]}`:                                          {`"a"`, "ff"},
		`{"featureFlags":[{"id":"FF__1__2__3__a","ff":{}},{"id":"FF__1__2__4__b","ff":{}}]}`:  {"FF__1__2__3", "FF__1__2__4"},
		`{"featureFlags":[],"segments":[{"id":"s","timestamp":"1"}]}`:                         {`"s"`, "timestamp"},
		`{"featureFlags":[{"id":"FF__1__2__3__a","ff":{}},{"id":"FF__1__2__4__b"}],"segments`: {"is incomplete JSON: unexpected end"},
	} {
		client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: []byte(message)})
		if err == nil {
			client.Close(t.Context())
			t.Errorf("%s is accepted", message)
			continue
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error is %q, expected %s in it", message, err, text)
			}
		}
	}
}
