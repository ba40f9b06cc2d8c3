package ffc_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestEventsOutage: what the platform does not take now it takes later.
func TestEventsOutage(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testEventsOutage)
}

func testEventsOutage(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, func(c *ffc.Config) { c.Events.Interval = -1 }, ffctest.Flag("a"))
	for _, failure := range []ffctest.Failure{{}, {Status: 429, RetryAfter: "0"}, {Status: 502}, {Reset: true}} {
		client.BoolVariation(t.Context(), "a", ffc.NewUser("u"), false)
		server.FailNext(ffctest.Events, 1, failure)
		if err := client.ForceFlush(testkit.Within(t)); err != nil {
			_ = client.ForceFlush(testkit.Within(t))
		}
	}
	if stats := client.Stats().Events; stats.Delivered != 4 || stats.Queued != 0 || len(server.Events()) != 4 {
		t.Errorf("%d events arrived, and the books say %+v", len(server.Events()), stats)
	}
}

// TestRefusedClientDeliversEvents: a client that has given up fetching data
// keeps serving its bootstrap and keeps delivering events.
func TestRefusedClientDeliversEvents(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testRefusedClientDeliversEvents)
}

func testRefusedClientDeliversEvents(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	data := p.Snapshot(ffctest.Flag("a").Variations("1", "2").Serve("2"))
	server := p.NewServer(data)
	defer server.Close()
	server.RejectUpgrade(4003)
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &stream.Transport{}, Logger: testkit.Quiet(), Bootstrap: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if s := client.Status(); s.State != ffc.StateOff || kind(s.Err) != transport.KindRefused {
		t.Errorf("status %+v, expected OFF", s)
	}
	if got := client.IntVariation(t.Context(), "a", ffc.NewUser("u"), 0); got != 2 {
		t.Errorf("got %d, expected the value of the bootstrap", got)
	}
	if err := client.Flush(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if n := len(server.Events()); n != 1 {
		t.Errorf("%d events arrived, expected 1", n)
	}
}
