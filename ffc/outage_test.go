package ffc_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestEventsOutage: what the platform does not take now it takes later.
func TestEventsOutage(t *testing.T) {
	t.Parallel()
	onBoth(t, testEventsOutage)
}

func testEventsOutage(t *testing.T, g ffctest.Generation) {
	t.Parallel()
	server, client := connectedTo(t, g, func(c *ffc.Config) { c.Events.Interval = -1 }, ffctest.Flag("a"))
	for _, failure := range []ffctest.Failure{{}, {Status: 429, RetryAfter: "0"}, {Status: 502}, {Reset: true}} {
		client.BoolVariation(t.Context(), "a", ffc.NewUser("u"), false)
		server.FailNext(ffctest.Events, 1, failure)
		if err := client.ForceFlush(within(t)); err != nil {
			_ = client.ForceFlush(within(t))
		}
	}
	if stats := client.Stats().Events; stats.Delivered != 4 || stats.Queued != 0 || len(server.Events()) != 4 {
		t.Errorf("%d events arrived, and the books say %+v", len(server.Events()), stats)
	}
}
