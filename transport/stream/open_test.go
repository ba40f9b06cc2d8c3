package stream_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		settings stream.Transport
		platform string
		want     []string // in the error; none is no error
	}{
		{"zero value", stream.Transport{}, "classic", nil},
		{"all set", stream.Transport{
			PingInterval: time.Second, ConnectTimeout: time.Second, SilenceTimeout: 2 * time.Second,
			FirstRetry: time.Second, MaxRetry: time.Second, MaxMessage: 1,
		}, "classic", nil},
		{"on demand", stream.Transport{OnDemand: true}, "classic", nil},
		{"fallback", stream.Transport{Fallback: &poll.Transport{}, FallbackAfter: time.Second}, "classic", nil},
		{"MaxAge", stream.Transport{MaxAge: -1}, "classic", []string{"MaxAge", "-1ns"}},
		{"Budget", stream.Transport{Budget: -1}, "classic", []string{"Budget", "-1ns"}},
		{"FallbackAfter", stream.Transport{FallbackAfter: -1}, "classic", []string{"FallbackAfter", "-1ns"}},
		{"fallback on demand", stream.Transport{OnDemand: true, Fallback: &poll.Transport{}}, "classic", []string{"Fallback", "OnDemand"}},
		{"fallback that is wrong", stream.Transport{Fallback: &poll.Transport{MaxAge: -1}, MaxRetry: -1}, "classic",
			[]string{"Fallback.MaxAge: -1ns is negative", "MaxRetry: -1ns"}},
		{"PingInterval", stream.Transport{PingInterval: -1}, "classic", []string{"PingInterval", "-1ns"}},
		{"ConnectTimeout", stream.Transport{ConnectTimeout: -time.Second}, "classic", []string{"ConnectTimeout", "-1s"}},
		{"SilenceTimeout", stream.Transport{SilenceTimeout: -time.Second}, "classic", []string{"SilenceTimeout", "-1s"}},
		{"FirstRetry", stream.Transport{FirstRetry: -time.Second}, "classic", []string{"FirstRetry", "-1s"}},
		{"MaxRetry", stream.Transport{MaxRetry: -time.Second}, "classic", []string{"MaxRetry", "-1s"}},
		{"MaxMessage", stream.Transport{MaxMessage: -1}, "classic", []string{"MaxMessage", "-1"}},
		{"pings without a unit", stream.Transport{PingInterval: 10}, "classic", []string{"PingInterval: 10ns is too short"}},
		{"all at once", stream.Transport{PingInterval: -1, MaxRetry: -1, MaxMessage: -1}, "classic", []string{"PingInterval", "MaxRetry", "MaxMessage"}},
		{"pings too rare", stream.Transport{PingInterval: 30 * time.Second}, "classic", []string{"PingInterval: 30s is too long", "SilenceTimeout, which is 30s"}},
		{"silence too short", stream.Transport{SilenceTimeout: 10 * time.Second}, "classic", []string{"PingInterval: 10s is too long", "SilenceTimeout, which is 10s"}},
		{"first pause too long", stream.Transport{FirstRetry: 2 * time.Minute}, "classic", []string{"FirstRetry: 2m0s is too long", "MaxRetry, which is 1m0s"}},
		{"longest pause too short", stream.Transport{MaxRetry: time.Millisecond}, "classic", []string{"FirstRetry: 1s is too long", "MaxRetry, which is 1ms"}},
		{"platform", stream.Transport{}, "modern", []string{`"modern"`}},
		{"no platform", stream.Transport{}, "", []string{"platform"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := tt.settings
			s, err := tt.settings.Open(transport.Env{
				EnvSecret: transport.NewSecret(secret), Platform: tt.platform, BaseURL: "http://platform.test", StreamingURL: "ws://platform.test", HTTPClient: &http.Client{},
			})
			if tt.settings != before {
				t.Errorf("Open has changed the settings to %+v", tt.settings)
			}
			if len(tt.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				_, runs := s.(transport.Runner)
				_, refreshes := s.(transport.Refresher)
				if runs == tt.settings.OnDemand || refreshes != tt.settings.OnDemand {
					t.Errorf("got a %T, want a transport.Refresher on demand, else a transport.Runner", s)
				}
				return
			}
			if err == nil || s != nil {
				t.Fatalf("got %v, %v, want an error only", s, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

// One value serves several clients, which share nothing, and can be changed
// once it has been opened.
func TestTransportIsConfigurationOnly(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		settings := &stream.Transport{PingInterval: 5 * time.Second}
		p, q := inMemory(t), inMemory(t)
		a, b := start(t, p, *settings), open(t, q, *settings)
		settings.PingInterval = time.Second
		b.run()
		ca, cb := a.ready(), b.ready()
		begin := time.Now()
		for _, c := range []*peer{ca, cb} {
			f := c.expect(opText, ping)
			checkExactly(t, "ping", f.at.Sub(begin), 5*time.Second)
		}
		// One is refused and gives up; the other goes on.
		cb.cut()
		a.close()
		c := q.accept().upgrade()
		c.expect(opText, syncRequest)
		c.send(full)
		b.store.await("confirmed")
		if n := len(p.conns); n > 0 {
			t.Errorf("%d connections to the platform of the client that is closed", n)
		}
	})
}
