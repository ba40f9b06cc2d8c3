package ffc_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestPollingWithoutSegmentsIsLogged: classic's polling route answers flags
// without the segments that they use.
func TestPollingWithoutSegmentsIsLogged(t *testing.T) {
	t.Parallel()
	members := ffctest.Segment("members").Include("member")
	flag := ffctest.Flag("beta").Variations("no", "yes").Rule("yes", ffctest.NotInSegment("members"))
	tests := []struct {
		name      string
		platform  ffctest.Platform
		transport transport.Transport
		bootstrap []byte
		items     []ffctest.Item
		member    string // what a member of the segment gets
		lines     int
	}{
		{name: "classic, polling", transport: &poll.Transport{MaxAge: 1}, items: []ffctest.Item{flag, members}, member: "yes", lines: 1},
		{name: "classic, polling, segments of a bootstrap", transport: &poll.Transport{MaxAge: 1}, items: []ffctest.Item{flag, members},
			bootstrap: ffctest.Snapshot(flag, members), member: "no", lines: 1},
		{name: "classic, polling, no flag with a segment", transport: &poll.Transport{MaxAge: 1},
			items: []ffctest.Item{ffctest.Flag("beta").Variations("no", "yes"), members}, member: "no"},
		{name: "classic, websocket", transport: &stream.Transport{OnDemand: true, MaxAge: 1}, items: []ffctest.Item{flag, members}, member: "no"},
		{name: "FeatBit, polling", platform: ffctest.FeatBit, transport: &poll.Transport{MaxAge: 1}, items: []ffctest.Item{flag, members}, member: "no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log testkit.Log
			_, client := connectedTo(t, tt.platform, func(c *ffc.Config) {
				c.Transport, c.Bootstrap, c.Logger = tt.transport, tt.bootstrap, slog.New(slog.NewTextHandler(&log, nil))
			}, tt.items...)
			for range 3 { // a client logs it once
				if err := client.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := client.Variation(t.Context(), "beta", ffc.NewUser("member"), "-"); got != tt.member {
				t.Errorf("a member gets %s, want %s", got, tt.member)
			}
			if got := strings.Count(log.String(), "level=WARN"); got != tt.lines {
				t.Errorf("%d lines, want %d:\n%s", got, tt.lines, log.String())
			}
			if want := "flag=beta segment=members"; tt.lines > 0 && !strings.Contains(log.String(), want) {
				t.Errorf("%s is not in the log:\n%s", want, log.String())
			}
		})
	}
}
