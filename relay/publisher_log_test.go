package relay_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// logged starts a publisher, and returns what it logs.
func logged(p *relay.Publisher) (*started, *testkit.Log) {
	log := new(testkit.Log)
	p.Logger = slog.New(slog.NewTextHandler(log, nil))
	p.Config.Logger = nil
	return start(p), log
}

// expectLog fails the test unless a log has the texts, in this order, each of them once.
func expectLog(t *testing.T, log *testkit.Log, texts ...string) {
	t.Helper()
	text, last := log.String(), 0
	for _, want := range texts {
		if at := strings.Index(text, want); at < last || strings.Count(text, want) != 1 {
			t.Errorf("expected %q once, and in this order:\n%s", want, text)
			return
		} else {
			last = at
		}
	}
}

// A publisher evaluates no flags, and does not give up.
func TestPublisherLogsFailuresOfThePlatform(t *testing.T) {
	const (
		failed   = "publishing failed; retrying with each beat"
		rejected = "the platform rejected the secret; trying again every minute"
		works    = "publishing works again"
	)
	tests := map[string]struct {
		server fleetkit.Server
		want   []string
	}{
		"rejects the secret": {fleetkit.Server{Rejects: true}, []string{rejected, works}},
		"down":               {fleetkit.Server{Down: true}, []string{failed, works}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				p.Only(test.server)
				s, log := logged(p.publisher(m))
				defer s.stop()
				wait(5 * time.Minute)
				p.Only(fleetkit.Server{})
				wait(3 * time.Minute)
				if text := log.String(); strings.Contains(text, "evaluations") || strings.Contains(text, "giving up") {
					t.Errorf("the log is one of a client:\n%s", text)
				}
				expectLog(t, log, test.want...)
			})
		})
	}
}

// A leader whose secret the platform rejects connects each minute: that is no response.
func TestLeaderLogsARejectedSecretOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		tr := &endable{Transport: poll.Transport{Interval: time.Second}, end: make(chan struct{})}
		pub := p.publisher(m)
		pub.Config.Transport = tr
		s, log := logged(pub)
		defer s.stop()
		wait(10 * time.Second)
		p.Only(fleetkit.Server{Rejects: true})
		tr.end <- struct{}{}
		wait(10 * time.Minute)
		expectLog(t, log, "the platform rejected the secret; trying again every minute; still writing the head")
		if text := log.String(); strings.Contains(text, "responds again") || strings.Contains(text, "giving up") {
			t.Errorf("log:\n%s", text)
		}
		p.Only(fleetkit.Server{})
		wait(2 * time.Minute)
		expectLog(t, log, "still writing the head", "the platform responds again")
	})
}

// While the engine is down the platform responds, also with the data again. That does not
// repair the engine.
func TestLeaderReportsADownEngineAllTheTime(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s, log := logged(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		m.Before(func(context.Context, fleettest.Call) error { return fleetkit.ErrDown })
		wait(10 * time.Second)
		for range 600 { // FullResync is 5 min
			if s.Status().Err == nil {
				t.Fatalf("no error in the status:\n%s", log)
			}
			wait(time.Second)
		}
		m.Before(nil)
		wait(20 * time.Second)
		if err := s.Status().Err; err != nil {
			t.Errorf("error %v of an engine that works", err)
		}
		expectLog(t, log, "publishing failed; retrying with each beat", "publishing works again")
	})
}

func TestPublisherLogsPins(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s, log := logged(p.publisher(m))
		wait(10 * time.Second)
		if _, err := in(m).Override(t.Context(), "flag", "false", pinFor(time.Hour)); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		expectLog(t, log, "the data is pinned; changes on the platform wait", "pinned_until=2000-01-01T01:01:10")
		if _, err := in(m).Unpin(t.Context()); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		expectLog(t, log, "the data is pinned", "the pin has ended; publishing the platform's data again")
		if _, err := in(m).Override(t.Context(), "flag", "false", pinFor(time.Hour)); err != nil {
			t.Fatal(err)
		}
		s.stop()
		s, log = logged(p.publisher(m)) // leads pinned data
		wait(time.Minute)
		expectLog(t, log, "this replica publishes the environment", "the data is pinned")
		wait(time.Hour) // the time of the pin
		expectLog(t, log, "the data is pinned", "the pin has ended")
		s.stop()
	})
}
