package fleet_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// featBitSecret is the secret of environment: two GUIDs as .NET writes them.
const featBitSecret = "AAAAAAAAAAAAAAAAAAAAAQ" + "_xmWb4aLEdC0LQDPT8lk_w"

func TestReaderWithoutASecretNeedsPlatformAndEvents(t *testing.T) {
	t.Parallel()
	m := []fleet.Backend{new(fleettest.Memory)}
	named := &fleet.Transport{Environment: environment, Backends: m}
	off := flush.Config{Disabled: true}
	tests := map[string]struct {
		cfg   ffc.Config
		words string // "" is no error
	}{
		"events off":      {ffc.Config{Platform: ffc.PlatformFeatBit, Transport: named, Events: off}, ""},
		"events to relay": {ffc.Config{Platform: ffc.PlatformFeatBit, Transport: named, EventsURL: "http://relay.test"}, ""},
		"a secret":        {ffc.Config{EnvSecret: featBitSecret, BaseURL: "http://host.test", Transport: &fleet.Transport{Backends: m}}, ""},
		"no platform":     {ffc.Config{Transport: named, Events: off}, "Config.Platform"},
		"no events":       {ffc.Config{Platform: ffc.PlatformFeatBit, Transport: named}, "Config.EventsURL"},
		"no environment":  {ffc.Config{Platform: ffc.PlatformFeatBit, Transport: &fleet.Transport{Backends: m}, Events: off}, "Config.EnvSecret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.cfg.StartWait, test.cfg.Logger = -1, slog.New(slog.DiscardHandler)
			client, err := ffc.New(t.Context(), test.cfg)
			if err == nil {
				defer client.Close(context.Background())
			}
			if (err == nil) != (test.words == "") || err != nil && !strings.Contains(err.Error(), test.words) {
				t.Errorf("error %v, want one with %q", err, test.words)
			}
		})
	}
}

// The environment is that of the secret, which may be a relay's key.
func TestEnvironmentOfTheSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(fleettest.Memory)
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		for _, tr := range []*fleet.Transport{
			{Backends: []fleet.Backend{m}},
			{Backends: []fleet.Backend{m}, Environment: strings.ToUpper(environment)},
		} {
			client, err := ffc.New(t.Context(), ffc.Config{
				EnvSecret: featBitSecret, BaseURL: "http://host.test", Transport: tr, Events: flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			if !client.Initialized() {
				t.Errorf("status %+v", client.Status())
			}
			client.Close(context.Background())
		}
	})
}

func TestReaderOfClassicWithoutASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const environment = "FF__100000_0__11__22"
		m := new(fleettest.Memory)
		body := ffctest.Snapshot(ffctest.Flag("classic-flag").Variations("a", "b"))
		packed := fleetdata.Pack(body)
		h := headOf("a", 1, 1, nil)
		h.Environment, h.Platform = environment, "classic"
		packed.Describe(h, 1)
		text, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		_ = m.Put(t.Context(), fleetdata.ChunkName(environment, packed.Sum, 0), packed.GZip)
		_, _ = m.Swap(t.Context(), fleetdata.Name(environment, fleetdata.HeadObject), text, "")
		client, err := ffc.New(t.Context(), ffc.Config{
			Platform: ffc.PlatformClassic, Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{m}},
			Events: flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(context.Background())
		if !client.Initialized() {
			t.Errorf("status %+v", client.Status())
		}
	})
}

// Events go to a relay, without a secret and with what the client has.
func TestEventsSayWhichRevisionTheClientHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(fleettest.Memory)
		write(t, m, headOf("a", 7, 1, nil), data("on", 1), 0)
		var posts []http.Header
		client, err := ffc.New(t.Context(), ffc.Config{
			Platform: ffc.PlatformFeatBit, EventsURL: "http://relay.test", Logger: slog.New(slog.DiscardHandler),
			Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{m}},
			HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				posts = append(posts, r.Header)
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		client.Variation(t.Context(), "flag", ffc.NewUser("u"), "")
		if err := client.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(posts) != 1 || posts[0].Get("Ffc-Revision") != "a/7" || posts[0].Values("Authorization") != nil {
			t.Errorf("posts with %v, want one with Ffc-Revision a/7 and no secret", posts)
		}
	})
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
