package stream_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// A pause that a whole fleet is given at the same time does not end for all of
// it at the same time.
func TestPausesAfterRefusalsSpread(t *testing.T) {
	tests := []struct {
		name   string
		refuse func(c *peer)
		pause  time.Duration
	}{
		{"403", func(c *peer) { c.refuse("403 Forbidden") }, time.Minute},
		{"503 and seconds", func(c *peer) { c.refuse("503 Service Unavailable", "Retry-After: 300") }, 5 * time.Minute},
		{"503 and a very long time", func(c *peer) { c.refuse("503 Service Unavailable", "Retry-After: 1000000") }, 10 * time.Minute},
		{"4003 after data", func(c *peer) { c.upgradeAt(0).closeWith(4003, "") }, time.Minute},
	}
	for _, tt := range tests {
		for _, onDemandToo := range []bool{false, true} {
			name := tt.name
			if onDemandToo {
				name += " on demand"
			}
			t.Run(name, func(t *testing.T) {
				testkit.Bubble(t, func(t *testing.T) {
					p := inMemory(t)
					var s *session
					if onDemandToo {
						s = onDemand(t, p, stream.Transport{})
						s.refreshed()
						s.load(t.Context())
					} else {
						s = start(t, p, stream.Transport{})
						s.ready().cut()
						s.store.await("interrupted")
					}
					low, high := time.Duration(1<<62), time.Duration(0)
					c := p.accept()
					for range 200 {
						tt.refuse(c)
						failed := s.store.await("interrupted").at
						c = p.accept()
						pause := c.at.Sub(failed)
						low, high = min(low, pause), max(high, pause)
					}
					if low < tt.pause || low > tt.pause*21/20 || high < tt.pause*6/5 || high > tt.pause*5/4 {
						t.Errorf("200 pauses lie between %v and %v, want most of %v to %v", low, high, tt.pause, tt.pause*5/4)
					}
				})
			})
		}
	}
}
