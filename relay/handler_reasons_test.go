package relay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestStreamsReportTheReasonOfARelay: so does the error after a close code.
func TestStreamsReportTheReasonOfARelay(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *featBit, m *fleettest.Memory) {
		d := open(t, m, nil)
		defer d.close()
		client, err := ffc.New(t.Context(), ffc.Config{
			EnvSecret: d.key, Platform: ffc.PlatformFeatBit, BaseURL: "http://relay.test", HTTPClient: d.http, Transport: &stream.Transport{}, StartWait: -1, Logger: testkit.Quiet(),
			Events: flush.Config{Disabled: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(context.WithoutCancel(t.Context()))
		wait(16 * time.Second)
		if err := client.Status().Err; err == nil || !strings.HasSuffix(err.Error(), "code 1001: there is no data of the environment yet") {
			t.Errorf("error %v, want the reason", err)
		}
	})
}

// What a relay says about a request that it does not accept is in the errors of the
// client: the status alone points to the platform.
func TestClientsReportTheReasonOfARelay(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *featBit, m *fleettest.Memory) {
		down := new(fleettest.Memory)
		down.Before(func(context.Context, fleettest.Call) error { return fleetkit.ErrDown })
		d := open(t, m, func(h *relay.Handler) {
			h.MaxWebsockets = 1
			h.Engine = func(string) (fleet.Backend, bool) { return down, true }
		})
		defer d.close()
		d.dial(d.key, "")
		for want, tr := range map[string]transport.Transport{
			"there is no data of the environment yet": &poll.Transport{},
			"too many websockets":                     &stream.Transport{},
			"the engine does not respond":             &fleet.Transport{Environment: environment, Backends: []fleet.Backend{fleet.HTTP{URL: "http://relay.test/fleet"}}},
		} {
			client, err := ffc.New(t.Context(), ffc.Config{
				EnvSecret: d.key, Platform: ffc.PlatformFeatBit, BaseURL: "http://relay.test", HTTPClient: d.http, Transport: tr, StartWait: -1, Logger: testkit.Quiet(),
				Events: flush.Config{Retries: -1},
			})
			if err != nil {
				t.Fatal(err)
			}
			_ = client.Refresh(t.Context())
			wait(2 * time.Second) // a websocket is refused after 1 s
			if err := client.Status().Err; err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
				t.Errorf("%T: error %v, want %q", tr, err, want)
			}
			_ = client.Track(t.Context(), ffc.NewUser("u"), "bought")
			if err := client.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "503 Service Unavailable: this relay has no queue for events: set the events URL to the platform") {
				t.Errorf("events: %v", err)
			}
			_ = client.Close(t.Context())
		}
	})
}
