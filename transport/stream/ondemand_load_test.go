package stream_test

import (
	"context"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// Load goes on until there is data.
func TestOnDemandLoadTriesAgain(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		loaded := s.load(t.Context())
		c := s.p.accept()
		for _, pause := range doubling {
			c.refuse("503 Service Unavailable")
			failed := s.store.awaitError("interrupted", transport.KindWebSocket, "503").at
			c = s.p.accept()
			// The end of a pause is no attempt too early.
			if got := c.at.Sub(failed); got < pause/2 || got > pause {
				t.Errorf("pause: got %v, want between %v and %v", got, pause/2, pause)
			}
		}
		c.upgrade().exchange()
		if o := s.wait(loaded); o.err != nil {
			t.Errorf("Load: %v", o.err)
		}
		s.checkQuiet()
	})
}

// Load has no budget, and does not care how old the data is.
func TestOnDemandLoad(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		for range 3 {
			loaded := s.load(t.Context())
			c := s.p.accept().upgrade()
			time.Sleep(9 * time.Second)
			c.exchange()
			if o := s.wait(loaded); o.err != nil || o.took != 9*time.Second {
				t.Errorf("Load: got %v after %v, want success after 9 s", o.err, o.took)
			}
		}
	})
}

// Load takes part in a fetch that Refresh does not wait for any more.
func TestOnDemandLoadAfterBudget(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		done := s.refresh()
		c := s.p.accept().upgrade()
		s.wait(done)
		loaded := s.load(t.Context())
		time.Sleep(5 * time.Second)
		c.exchange()
		if o := s.wait(loaded); o.err != nil || o.took != 5*time.Second {
			t.Errorf("Load: got %v after %v", o.err, o.took)
		}
		if got, want := s.stats(), (transport.Stats{Connects: 1, Fetches: 1, FetchTime: 5500 * time.Millisecond}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// The context of Load bounds it in any state.
func TestOnDemandLoadIsBounded(t *testing.T) {
	tests := []struct {
		name   string
		script func(c *peer)
	}{
		{"handshake", func(*peer) {}},
		{"waiting for data", func(c *peer) { c.upgrade() }},
		{"backing off", func(c *peer) { c.refuse("403 Forbidden") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := onDemand(t, inMemory(t), stream.Transport{})
				ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
				defer cancel()
				loaded := s.load(ctx)
				tt.script(s.p.accept())
				o := s.wait(loaded)
				checkExactly(t, "Load", o.took, 7*time.Second)
				if o.err == nil {
					t.Error("Load succeeded")
				}
				time.Sleep(3*time.Second + grace)
				s.checkQuiet()
			})
		})
	}
}

// A failure of Load does not make data older than it is.
func TestOnDemandLoadFailsWhileDataIsFresh(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		s.refreshed()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		loaded := s.load(ctx)
		s.p.accept().refuse("403 Forbidden")
		if o := s.wait(loaded); o.err == nil {
			t.Error("Load succeeded")
		}
		if o := s.wait(s.refresh()); o.err != nil || o.took != 0 {
			t.Errorf("Refresh: got %v after %v", o.err, o.took)
		}
		s.checkQuiet()
	})
}
