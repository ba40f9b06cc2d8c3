package ffc_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// batches is a flush.Sink that keeps all batches.
type batches struct {
	mu  sync.Mutex
	all []flush.Batch
}

func (b *batches) Put(_ context.Context, batch flush.Batch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, batch)
	return nil
}

// named is a transport that names an environment.
type named struct {
	*poll.Transport
	environment string
}

func (n named) KeylessEnvironment() string { return n.environment }

// Batches name the environment: that of the transport or of the secret. Without
// either, New fails. The secret is in no batch.
func TestSinkKnowsTheEnvironment(t *testing.T) {
	t.Parallel()
	const guid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
	var nothing *batches
	tests := map[string]struct {
		platform  ffctest.Platform
		transport transport.Transport
		secret    string // "" is that of the platform
		sink      flush.Sink
		want      string // environment
		err       string
	}{
		"classic":     {ffctest.Classic, &poll.Transport{}, "", &batches{}, "FF__11__22__33", ""},
		"featbit":     {ffctest.FeatBit, &poll.Transport{}, "", &batches{}, "*", ""},
		"named":       {ffctest.FeatBit, named{&poll.Transport{}, strings.ToUpper(guid)}, "", &batches{}, guid, ""},
		"unknown":     {ffctest.FeatBit, &poll.Transport{}, "some-other-shape-of-secret", &batches{}, "", "Config.Events.Sink: unknown environment"},
		"nil pointer": {ffctest.FeatBit, &poll.Transport{}, "", nothing, "", "Config.Events.Sink: missing sink"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform := test.platform.NewServer(test.platform.Snapshot(ffctest.Flag("a")))
			defer platform.Close()
			cfg := ffc.Config{
				EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Platform: ffc.Platform(test.platform.String()),
				Transport: test.transport, Events: flush.Config{Sink: test.sink}, Logger: slog.New(slog.DiscardHandler),
			}
			if test.secret != "" {
				cfg.EnvSecret = test.secret
			}
			client, err := ffc.New(t.Context(), cfg)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			client.IsEnabled(t.Context(), "a", ffc.NewUser("u"))
			if err := client.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			all := test.sink.(*batches).all
			if len(all) != 1 || len(platform.Events()) != 0 {
				t.Fatalf("%d batches, and %d events on the platform", len(all), len(platform.Events()))
			}
			if got := all[0].Environment; got == "" || test.want != "*" && got != test.want {
				t.Errorf("environment %q, want %q", got, test.want)
			}
			if strings.Contains(string(all[0].Body)+all[0].Environment+all[0].Route, platform.EnvSecret) {
				t.Error("the batch has the secret")
			}
		})
	}
}
