package ffc_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// foreignBootstraps are snapshots that do not fit a secret, with what the error
// says.
func foreignBootstraps() map[string]struct {
	secret   string
	snapshot []byte
	want     string
} {
	flag := ffctest.Flag("f").Variations("on", "off")
	classic, featBit := ffctest.Classic.Snapshot(flag), ffctest.FeatBit.Snapshot(flag)
	return map[string]struct {
		secret   string
		snapshot []byte
		want     string
	}{
		"classic, another environment": {ffctest.EnvSecret, bytes.ReplaceAll(classic, []byte("FF__11__22__33__"), []byte("FF__11__22__34__")),
			"expected a snapshot of the secret's environment, got one of another environment, FF__11__22__34"},
		"FeatBit, another environment": {ffctest.FeatBitEnvSecret, bytes.ReplaceAll(featBit, []byte("11111111-2222"), []byte("21111111-2222")),
			"expected a snapshot of the secret's environment, got one of another environment, 21111111-2222-3333-4444-555555555555"},
		"FeatBit snapshot, classic secret": {ffctest.EnvSecret, featBit, "expected a snapshot of the platform classic, got one of featbit"},
		"classic snapshot, FeatBit secret": {ffctest.FeatBitEnvSecret, classic, "expected a snapshot of the platform featbit, got one of classic"},
	}
}

// A snapshot of another platform or environment is an error that says which, or
// on request one warning.
func TestForeignBootstrap(t *testing.T) {
	t.Parallel()
	for name, test := range foreignBootstraps() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log testkit.Log
			cfg := ffc.Config{
				EnvSecret: test.secret,
				BaseURL:   "http://127.0.0.1:1",
				Transport: &poll.Transport{},
				Bootstrap: test.snapshot,
				StartWait: -1,
				Logger:    slog.New(slog.NewTextHandler(&log, nil)),
			}
			_, err := ffc.New(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "IgnoreForeignBootstrap") {
				t.Fatalf("got %v, expected %q in it", err, test.want)
			}
			if strings.Contains(err.Error(), test.secret[:10]) {
				t.Errorf("the error tells the secret: %v", err)
			}
			cfg.IgnoreForeignBootstrap = true
			client, err := ffc.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(context.Background())
			if d := client.VariationDetail(t.Context(), "f", ffc.NewUser("u"), "fallback"); d.Value != "fallback" || d.Reason != ffc.ReasonClientNotReady {
				t.Errorf("the foreign snapshot is served: %+v", d)
			}
			if lines := strings.Count(log.String(), "ignoring Config.Bootstrap"); lines != 1 || !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("expected one warning, got:\n%s", log.String())
			}
		})
	}
}

// What is its own, and what does not say where it is from, is served.
func TestOwnBootstrap(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		own := p.Snapshot(ffctest.Flag("f").Variations("on", "off"))
		for name, snapshot := range map[string][]byte{
			"own":     own,
			"silent":  bytes.ReplaceAll(own, []byte(`"envId"`), []byte(`"other"`)),
			"empty":   p.Snapshot(),
			"segment": p.Snapshot(ffctest.Segment("s").Include("u")),
		} {
			client, err := ffc.New(t.Context(), ffc.Config{EnvSecret: p.EnvSecret(), Offline: true, Bootstrap: snapshot, Logger: testkit.Quiet()})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			client.Close(t.Context())
		}
	})
}

// IgnoreForeignBootstrap ignores what is foreign, and no mistakes.
func TestIgnoreForeignBootstrapKeepsOtherErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"flags":{"f":{}}}`: "is a flag file of ffc serve: expected a snapshot; convert it with ffc snapshot -file",
		`{"flags":{"f":{}},"segments":{"beta":{"included":["u"]}}}`: "is a flag file of ffc serve",
		`[]`:        "is a JSON array",
		`{"a":1}`:   "has neither featureFlags nor segments",
		`{"flags"}`: "is not JSON",
	} {
		_, err := ffc.New(t.Context(), ffc.Config{EnvSecret: ffctest.EnvSecret, Offline: true, Bootstrap: []byte(text), IgnoreForeignBootstrap: true})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, expected %q in it", text, err, want)
		}
	}
}
