package relay_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// rollBack pins an earlier body, as a person does with the command.
func rollBack(t *testing.T, m *fleettest.Memory, until time.Time) {
	t.Helper()
	if _, err := fleetkit.RollBack(t.Context(), m, until); err != nil {
		t.Fatal(err)
	}
}

func TestPinHoldsTheBody(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		leave func(s *started, p *featBit, m *fleettest.Memory) *started
	}{
		"the same leader": {func(s *started, _ *featBit, _ *fleettest.Memory) *started { return s }},
		"another leader":  {func(s *started, p *featBit, m *fleettest.Memory) *started { s.stop(); return start(p.publisher(m)) }},
		"a wiped engine":  {func(s *started, _ *featBit, m *fleettest.Memory) *started { wait(6 * time.Second); m.Wipe(); return s }},
		"a wiped engine and another leader": {func(s *started, p *featBit, m *fleettest.Memory) *started {
			second := start(p.publisher(m))
			wait(10 * time.Second)
			s.stop()
			m.Wipe()
			return second
		}},
		"a platform away": {func(s *started, p *featBit, _ *fleettest.Memory) *started {
			p.Only(fleetkit.Server{Down: true})
			return s
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				s := start(p.publisher(m))
				wait(10 * time.Second)
				p.Set("flag", false) // the bad change
				wait(10 * time.Second)
				until := time.Now().Add(10 * time.Minute)
				rollBack(t, m, until)
				s = test.leave(s, p, m)
				p.Set("other", true) // what comes meanwhile waits
				wait(time.Minute)
				expect(t, m, "flag", true)
				h := headIn(t, m)
				if !h.Pin.Equal(until) || !s.Status().PinnedUntil.Equal(until) || !s.Status().Leader {
					t.Errorf("head %+v, status %+v", h, s.Status())
				}
				if name != "a platform away" && time.Since(h.AsOf) > 10*time.Second {
					t.Errorf("asOf is %v ago: a pin does not keep the data from being confirmed", time.Since(h.AsOf))
				}
				r := reader(t, m)
				if got := r.Status().Source.PinnedUntil; !got.Equal(until) {
					t.Errorf("the reader sees a pin until %v", got)
				}
				r.Close(t.Context())
				p.Only(fleetkit.Server{})
				wait(10 * time.Minute)
				expect(t, m, "flag", false)
				expect(t, m, "other", true)
				after := headIn(t, m)
				if !after.Pin.IsZero() || after.Revision <= h.Revision || !s.Status().PinnedUntil.IsZero() {
					t.Errorf("head %+v after the pin", after)
				}
				s.stop()
			})
		})
	}
}

// A person ends a pin before its time.
func TestUnpin(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		p.Set("flag", false)
		wait(10 * time.Second)
		rollBack(t, m, time.Now().Add(time.Hour))
		wait(time.Minute)
		if _, err := fleetkit.ChangeHead(t.Context(), m, func(h *fleetdata.Head) error { h.Pin = time.Time{}; return nil }); err != nil {
			t.Fatal(err)
		}
		wait(6 * time.Second)
		expect(t, m, "flag", false)
	})
}
