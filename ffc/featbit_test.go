package ffc_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// featBitSecret is made up: FeatBit reference, section 1.
const featBitSecret = "PC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"

// TestFeatBitDetected: the shape of the secret tells the platform, unless the
// configuration does.
func TestFeatBitDetected(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		cfg          ffc.Config
		platform     string
		base, socket string
		problem      string // "" without a problem
	}{
		{name: "classic", cfg: ffc.Config{EnvSecret: ffctest.EnvSecret}, platform: "classic", base: "https://api.featureflag.co", socket: "wss://api.featureflag.co"},
		{name: "FeatBit", cfg: ffc.Config{EnvSecret: featBitSecret, BaseURL: "http://localhost:5100/"}, platform: "featbit", base: "http://localhost:5100", socket: "ws://localhost:5100"},
		{name: "named", cfg: ffc.Config{EnvSecret: "new-form", Platform: ffc.PlatformFeatBit, BaseURL: "https://example.com/featbit"}, platform: "featbit", base: "https://example.com/featbit", socket: "wss://example.com/featbit"},
		{name: "no base URL", cfg: ffc.Config{EnvSecret: featBitSecret}, problem: "Config.BaseURL: missing URL"},
		{name: "no base URL, other URLs", cfg: ffc.Config{EnvSecret: featBitSecret, StreamingURL: "ws://localhost:5100", EventsURL: "http://localhost:5100"}, problem: "Config.BaseURL: missing URL"},
		{name: "neither", cfg: ffc.Config{EnvSecret: featBitSecret[1:]}, problem: "set the platform"},
		{name: "wrong name", cfg: ffc.Config{EnvSecret: featBitSecret, Platform: ffc.PlatformClassic}, problem: "Config.EnvSecret: the secret is FeatBit's"},
		{name: "wrong name, the other way", cfg: ffc.Config{EnvSecret: ffctest.EnvSecret, Platform: ffc.PlatformFeatBit, BaseURL: "http://localhost:5100"}, problem: "Config.EnvSecret: the secret is featureflag.co's"},
		{name: "named, without a secret", cfg: ffc.Config{Platform: ffc.PlatformFeatBit, BaseURL: "http://localhost:5100"}, problem: "Config.EnvSecret: missing secret"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			seen := &spy{}
			test.cfg.Transport = seen
			_, err := ffc.New(t.Context(), test.cfg)
			if want := cmp.Or(test.problem, "enough seen"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), featBitSecret[:12]) {
				t.Fatalf("got %v, want %q", err, want)
			}
			if test.problem != "" {
				return
			}
			if e := seen.env; e.Platform != test.platform || e.BaseURL != test.base || e.StreamingURL != test.socket || e.EnvSecret.Reveal() != test.cfg.EnvSecret {
				t.Errorf("got %q, %q, %q", e.Platform, e.BaseURL, e.StreamingURL)
			}
		})
	}
}

func readFeatBit(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/featbit/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFeatBitOffline evaluates a bootstrap of FeatBit, which tells the platform
// itself if nothing else does, and the snapshot written of it.
func TestFeatBitOffline(t *testing.T) {
	t.Parallel()
	user := ffc.NewUser("user-1")
	bootstrap := readFeatBit(t, "openfeature-go-flags.json")
	for _, cfg := range []ffc.Config{{}, {EnvSecret: featBitSecret}, {Platform: ffc.PlatformFeatBit}} {
		data := bootstrap
		for range 2 {
			cfg.Offline, cfg.Bootstrap = true, data
			client, err := ffc.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(context.Background())
			var got []string
			add := func(v any, r ffc.Reason) { got = append(got, fmt.Sprint(v, ", ", r)) }
			b := client.BoolVariationDetail(t.Context(), "boolean", user, false)
			add(b.Value, b.Reason)
			i := client.IntVariationDetail(t.Context(), "integer-precision", user, 1)
			add(i.Value, i.Reason)
			i = client.IntVariationDetail(t.Context(), "integer-decimal", user, 1)
			add(i.Value, i.Reason)
			i = client.IntVariationDetail(t.Context(), "integer-overflow", user, 1)
			add(i.Value, i.Reason)
			f := client.FloatVariationDetail(t.Context(), "float", user, 1)
			add(f.Value, f.Reason)
			s := client.VariationDetail(t.Context(), "string", ffc.NewUser("targeted-workload"), "")
			add(s.Value+" "+s.VariationID, s.Reason)
			s = client.VariationDetail(t.Context(), "string", ffc.NewUser("u", ffc.Name("service-a"), ffc.String("tenant", "paid"), ffc.Int("seats", 3), ffc.Bool("enabled", true), ffc.Float("ratio", 1.5)), "")
			add(s.Value, s.Reason)
			s = client.VariationDetail(t.Context(), "disabled", user, "")
			add(s.Value, s.Reason)
			want := []string{"true, fall through all rules", "9007199254740993, fall through all rules", "1, wrong type", "1, wrong type",
				"2.5, fall through all rules", "targeted targeted, target match", "premium, rule match", "false, flag off"}
			if strconv.IntSize == 32 {
				want[1] = "1, wrong type" // does not fit
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			var written bytes.Buffer
			if err := client.WriteSnapshot(&written); err != nil || bytes.Contains(written.Bytes(), []byte("userTags")) {
				t.Errorf("WriteSnapshot: %v: %s", err, &written)
			}
			data = written.Bytes()
		}
	}
	for _, cfg := range []ffc.Config{{Platform: ffc.PlatformClassic}, {EnvSecret: ffctest.EnvSecret}} {
		cfg.Offline, cfg.Bootstrap = true, bootstrap
		if _, err := ffc.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "Config.Bootstrap") {
			t.Errorf("a bootstrap of the other platform: %v", err)
		}
	}
	if _, err := ffc.New(t.Context(), ffc.Config{Offline: true, Platform: ffc.PlatformFeatBit, Bootstrap: ffctest.Snapshot(ffctest.Flag("a"))}); err == nil {
		t.Error("a bootstrap of featureflag.co is taken for one of FeatBit")
	}
}

// idle is a transport that leaves the store to the test.
type idle struct{ store transport.Store }

func (i *idle) Open(env transport.Env) (transport.Session, error) {
	i.store = env.Store
	return i, nil
}

func (*idle) Stats() transport.Stats { return transport.Stats{} }

func (*idle) Run(ctx context.Context) { <-ctx.Done() }

// featBitChange is a message about one flag, at a second.
func featBitChange(kind, key string, second int) []byte {
	return fmt.Appendf(nil, `{"messageType":"data-sync","data":{"eventType":%q,"featureFlags":[{"key":%q,"updatedAt":"2026-01-01T00:00:%02dZ","isArchived":true}],"segments":[]}}`, kind, key, second)
}

// TestFeatBitVersion: what is asked for is what has changed since the data was
// last the platform's. A push moves that on only when what came before it is
// there as well; archived flags count.
func TestFeatBitVersion(t *testing.T) {
	t.Parallel()
	const start = 1767225600000
	none := &idle{}
	client, err := ffc.New(t.Context(), ffc.Config{EnvSecret: featBitSecret, BaseURL: "http://localhost:5100", Transport: none, StartWait: -1,
		Bootstrap: featBitChange("full", "a", 59), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	confirm := func() { none.store.Confirm() }
	apply := func(kind, key string, second int) func() {
		return func() {
			if _, err := none.store.Apply(featBitChange(kind, key, second), none.store.Mark()); err != nil {
				t.Error(err)
			}
		}
	}
	steps := []struct {
		name string
		do   func()
		want int64
	}{
		{"bootstrap", func() {}, 0},
		{"push before the first full", apply("patch", "b", 50), 0},
		{"confirmed, but never full", confirm, 0},
		{"full", apply("full", "a", 10), 0},
		{"confirmed, and full", confirm, start + 50_000},
		{"push", apply("patch", "c", 55), start + 50_000},
		{"answer", apply("patch", "d", 52), start + 50_000},
		{"confirmed", confirm, start + 55_000},
	}
	for _, step := range steps {
		step.do()
		if got := none.store.Version(); got != step.want {
			t.Errorf("%s: got %d, want %d", step.name, got, step.want)
		}
	}
}

// TestFeatBitEmpty: an environment without data may be a mistake in the secret,
// which is told once.
func TestFeatBitEmpty(t *testing.T) {
	t.Parallel()
	const empty = `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[]}}`
	for secret, want := range map[string]int{featBitSecret: 1, ffctest.EnvSecret: 0} {
		none := &idle{}
		log := &testkit.Log{}
		client, err := ffc.New(t.Context(), ffc.Config{EnvSecret: secret, BaseURL: "http://localhost:5100", Transport: none, StartWait: -1,
			Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := none.store.Apply([]byte(empty), none.store.Mark()); err != nil {
				t.Error(err)
			}
		}
		if client.Initialized() {
			t.Error("the client is ready before the transport has confirmed")
		}
		none.store.Confirm()
		if !client.Initialized() {
			t.Error("an empty environment is not ready")
		}
		client.Close(t.Context())
		if want > 0 {
			waitForLog(t, log, "no flags and no segments")
		}
		if got := strings.Count(log.String(), "no flags and no segments"); got != want {
			t.Errorf("told %d times, want %d: %s", got, want, log)
		}
	}
}
