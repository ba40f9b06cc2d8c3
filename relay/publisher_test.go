package relay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func TestRunPublishesChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		wait(10 * time.Second)
		expect(t, m, "flag", true)
		first := headIn(t, m)
		if first.Owner != s.Status().Replica || first.Blind || first.Every != 5 || first.Environment != environment {
			t.Errorf("head %+v", first)
		}
		p.Set("flag", false)
		wait(1500 * time.Millisecond)
		expect(t, m, "flag", false)
		wait(time.Minute)
		h := headIn(t, m)
		if h.Lineage != first.Lineage || h.Revision <= first.Revision || h.Revision > time.Now().UnixMilli() || h.Beat <= first.Beat+10 {
			t.Errorf("head %+v after %+v", h, first)
		}
		if age := time.Since(h.AsOf); age < 0 || age > 7*time.Second {
			t.Errorf("asOf is %v ago, want the platform's last response", age)
		}
		status := s.Status()
		if !status.Leader || status.Blind || status.Held != 0 || status.Err != nil || status.Revision != h.Revision || status.Publishes != 2 || !status.AsOf.Equal(h.AsOf) {
			t.Errorf("status %+v", status)
		}
		s.stop()
		if h := headIn(t, m); h.Owner != "" {
			t.Errorf("head %+v: want no owner after Run", h)
		}
		if s.Status().Leader {
			t.Error("the publisher leads after Run")
		}
	})
}

// TestArchivedFlag: an archived flag leaves the readers that know it, and those
// that start later do not have it.
func TestArchivedFlag(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		p.Set("other", true)
		s := start(p.publisher(m))
		wait(10 * time.Second)
		expect(t, m, "other", true)
		before := reader(t, m)
		defer before.Close(context.Background())
		p.Archive("other")
		wait(time.Minute)
		if err := before.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		after := reader(t, m)
		defer after.Close(context.Background())
		for name, c := range map[string]*ffc.Client{"before": before, "after": after} {
			if d := c.BoolVariationDetail(t.Context(), "other", ffc.NewUser("u"), false); d.Value || d.Reason != ffc.ReasonFlagNotFound {
				t.Errorf("a reader from %s has %v because of %q", name, d.Value, d.Reason)
			}
		}
		s.stop()
	})
}

func TestOncePublishes(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		mirror := new(fleettest.Memory)
		for _, transport := range []*poll.Transport{{}, {Interval: time.Minute}} {
			pub := p.publisher(m)
			pub.Config.Transport, pub.Beat, pub.Mirrors = transport, 5*time.Minute, []fleet.Backend{mirror}
			p.Set("flag", transport.Interval > 0)
			time.Sleep(time.Second)
			if err := pub.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			if h := headIn(t, m); h.Owner != "" || h.Every != 300 {
				t.Errorf("head %+v", h)
			}
			for _, b := range []*fleettest.Memory{m, mirror} {
				expect(t, b, "flag", transport.Interval > 0)
			}
		}
		p.Only(fleetkit.Server{Down: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.publisher(m).Once(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v, want the deadline and why", err)
		}
	})
}

func TestOnceDoesNotPublishHeldData(t *testing.T) {
	for name, s := range map[string]fleetkit.Server{"behind": {Lag: 10 * time.Minute}, "empty": {Empty: true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				time.Sleep(time.Hour)
				p.Set("flag", false)
				time.Sleep(time.Minute)
				if err := p.publisher(m).Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := headIn(t, m)
				p.Only(s)
				pub := p.publisher(m)
				if err := pub.Once(t.Context()); !errors.Is(err, relay.ErrHeld) {
					t.Errorf("error %v, want ErrHeld", err)
				}
				if h := headIn(t, m); *h != *before {
					t.Errorf("head %+v, want %+v", h, before)
				}
				accepting := p.publisher(m)
				accepting.Accept = true
				if err := accepting.Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				if name == "behind" {
					expect(t, m, "flag", true)
				} else if headIn(t, m).Size > 100 {
					t.Error("the flags are still there")
				}
			})
		})
	}
}

// A server that has lost its data must not publish nothing as the first data.
func TestNoFlagsAtFirstAreHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		p.Only(fleetkit.Server{Empty: true})
		if err := p.publisher(m).Once(t.Context()); !errors.Is(err, relay.ErrHeld) {
			t.Errorf("error %v, want ErrHeld", err)
		}
		s := start(p.publisher(m))
		defer s.stop()
		wait(4 * time.Minute)
		if h := headIn(t, m); h != nil {
			t.Errorf("head %+v", h)
		}
		wait(2 * time.Minute) // an environment may well have none
		if h := headIn(t, m); h == nil || !s.Status().Leader {
			t.Errorf("head %+v, status %+v", h, s.Status())
		}
	})
}

func TestTakeOver(t *testing.T) {
	tests := map[string]struct {
		leave func(l *fleetkit.Link, s *started)
		most  time.Duration
	}{
		"after a leader that ends":  {func(_ *fleetkit.Link, s *started) { s.stop() }, 6 * time.Second},
		"after one that is cut off": {func(l *fleetkit.Link, _ *started) { l.SetCut(true) }, 15*time.Second + 2*5*time.Second},
		"after one that is frozen":  {func(l *fleetkit.Link, _ *started) { l.Freeze() }, 15*time.Second + 2*5*time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				l := &fleetkit.Link{Backend: m}
				first := start(p.publisher(l))
				wait(10 * time.Second)
				before := headIn(t, m)
				asked := p.Requests()
				second := start(p.publisher(m))
				wait(time.Minute)
				if second.Status().Leader || !first.Status().Leader {
					t.Fatal("the second replica leads beside the first")
				}
				if got := p.Requests() - asked; got > 80 {
					t.Errorf("%d requests in a minute: the standby is connected to the platform", got)
				}
				test.leave(l, first)
				wait(test.most)
				h := headIn(t, m)
				if h.Owner != second.Status().Replica || !second.Status().Leader {
					t.Fatalf("head %+v is not that of the second replica", h)
				}
				if h.Lineage != before.Lineage || h.Revision <= before.Revision {
					t.Errorf("head %+v after %+v", h, before)
				}
				p.Set("flag", false)
				wait(10 * time.Second)
				l.SetCut(false)
				l.Thaw()
				wait(10 * time.Second)
				if first.Status().Leader || !second.Status().Leader {
					t.Errorf("the first replica leads again: %+v", first.Status())
				}
				expect(t, m, "flag", false)
				first.cancel()
				second.stop()
				wait(time.Minute)
			})
		})
	}
}

// With the platform away nothing moves: the standby cannot take over, and asOf
// stays what it is.
func TestNoTakeOverWithoutThePlatform(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		first := start(p.publisher(m))
		wait(10 * time.Second)
		p.Only(fleetkit.Server{Down: true})
		second := start(p.publisher(m))
		defer second.stop()
		wait(time.Minute)
		blind := headIn(t, m)
		if !blind.Blind || !first.Status().Blind || !first.Status().Leader {
			t.Errorf("head %+v, status %+v: want blind", blind, first.Status())
		}
		wait(time.Minute)
		h := headIn(t, m)
		if h.Owner != blind.Owner || h.Beat < blind.Beat+10 || !h.AsOf.Equal(blind.AsOf) || h.Revision != blind.Revision {
			t.Errorf("head %+v after %+v: want beats and nothing else", h, blind)
		}
		first.stop()
		wait(10 * time.Minute)
		dead := headIn(t, m)
		if dead.Owner != "" || !dead.AsOf.Equal(blind.AsOf) || second.Status().Leader || second.Status().Err == nil {
			t.Errorf("head %+v, status %+v", dead, second.Status())
		}
		p.Only(fleetkit.Server{})
		wait(time.Minute)
		if h := headIn(t, m); h.Owner != second.Status().Replica || h.Blind || !h.AsOf.After(blind.AsOf) {
			t.Errorf("head %+v: want the second replica's", h)
		}
	})
}

// A standby that reaches the platform takes over from a leader that does not.
func TestTakeOverFromABlindLeader(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		cutOff := &featBit{p.Beside()}
		first := start(cutOff.publisher(m))
		defer first.stop()
		wait(10 * time.Second)
		second := start(p.publisher(m))
		defer second.stop()
		wait(10 * time.Second)
		cutOff.Only(fleetkit.Server{Down: true})
		wait(15*time.Second + 15*time.Second + 15*time.Second)
		if !second.Status().Leader || first.Status().Leader {
			t.Errorf("status %+v and %+v", first.Status(), second.Status())
		}
		if h := headIn(t, m); h.Blind || time.Since(h.AsOf) > 10*time.Second {
			t.Errorf("head %+v", h)
		}
	})
}

func TestLeaderHoldsOlderAndFewerFlags(t *testing.T) {
	for name, bad := range map[string]fleetkit.Server{"behind": {Lag: 10 * time.Minute}, "empty": {Empty: true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				time.Sleep(time.Hour)
				p.Set("flag", false)
				s := start(p.publisher(m))
				defer s.stop()
				wait(20 * time.Second)
				expect(t, m, "flag", false)
				p.Only(bad)
				wait(5*time.Minute + 30*time.Second) // only a response with everything can tell
				if status := s.Status(); status.Held == 0 {
					t.Errorf("status %+v: want held", status)
				}
				before := headIn(t, m)
				wait(30 * time.Second)
				if h := headIn(t, m); h.Body != before.Body || !h.AsOf.Equal(before.AsOf) || h.Beat == before.Beat {
					t.Errorf("head %+v after %+v: want beats and nothing else", h, before)
				}
				expect(t, m, "flag", false)
				p.Only(fleetkit.Server{})
				wait(3 * time.Minute)
				if status := s.Status(); status.Held != 0 || time.Since(headIn(t, m).AsOf) > time.Minute {
					t.Errorf("status %+v, asOf %v ago", status, time.Since(headIn(t, m).AsOf))
				}
			})
		})
	}
}

func TestRunRejectsInvalidConfigurations(t *testing.T) {
	t.Parallel()
	valid := func() *relay.Publisher { return newPlatform().publisher(new(fleettest.Memory)) }
	tests := map[string]struct {
		change func(*relay.Publisher)
		words  string
	}{
		"no backend":         {func(p *relay.Publisher) { p.Backend = nil }, "Backend"},
		"a nil mirror":       {func(p *relay.Publisher) { p.Mirrors = []fleet.Backend{nil} }, "Mirrors[0]"},
		"half a Split":       {func(p *relay.Publisher) { p.Backend = fleet.Split{Heads: p.Backend} }, "Backend.Bodies: missing backend"},
		"a Split mirror":     {func(p *relay.Publisher) { p.Mirrors = []fleet.Backend{fleet.Split{Bodies: p.Backend}} }, "Mirrors[0].Heads: missing backend"},
		"negative Beat":      {func(p *relay.Publisher) { p.Beat = -1 }, "Beat"},
		"Beat without unit":  {func(p *relay.Publisher) { p.Beat = 5 }, "Beat: 5ns is too short"},
		"a short Lease":      {func(p *relay.Publisher) { p.Lease = 9 * time.Second }, "at least two beats"},
		"negative Keep":      {func(p *relay.Publisher) { p.Keep = -1 }, "Keep"},
		"no secret":          {func(p *relay.Publisher) { p.Config.EnvSecret = "" }, "EnvSecret"},
		"Offline":            {func(p *relay.Publisher) { p.Config.Offline = true }, "Offline"},
		"a bad transport":    {func(p *relay.Publisher) { p.Config.Transport = &poll.Transport{Interval: -1} }, "Interval"},
		"on demand":          {func(p *relay.Publisher) { p.Config.Transport = &poll.Transport{} }, "works on demand"},
		"two settings":       {func(p *relay.Publisher) { p.Beat, p.Keep = -1, -1 }, "Keep"},
		"a strange platform": {func(p *relay.Publisher) { p.Config.Platform = "x" }, "Platform"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := valid()
			test.change(p)
			err := p.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.words) || strings.Contains(err.Error(), secret) {
				t.Errorf("error %v, want one with %q", err, test.words)
			}
		})
	}
}

func TestRunOnlyOnceAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		wait(time.Second)
		if err := s.Publisher.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "runs already") {
			t.Errorf("error %v, want one that says that the publisher runs already", err)
		}
		s.stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Publisher.Once(ctx); err != nil { // after Run it works again
			t.Error(err)
		}
	})
}

// A publisher can read another region's engine instead of the platform.
func TestCascade(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		region := new(fleettest.Memory)
		cascade := &relay.Publisher{
			Config: ffc.Config{
				Platform:  ffc.PlatformFeatBit,
				Transport: &fleet.Transport{Environment: environment, Backends: []fleet.Backend{m}, Interval: 5 * time.Second},
				Logger:    p.publisher(m).Config.Logger,
			},
			Backend: region,
		}
		c := start(cascade)
		defer c.stop()
		wait(time.Minute)
		expect(t, region, "flag", true)
		p.Set("flag", false)
		wait(7 * time.Second)
		expect(t, region, "flag", false)
		if a, b := headIn(t, m), headIn(t, region); b.AsOf.After(a.AsOf) || a.AsOf.Sub(b.AsOf) > 10*time.Second {
			t.Errorf("asOf %v, want that of the other region, %v", b.AsOf, a.AsOf)
		}
	})
}

// A secret that the platform rejects is tried again each minute: somebody may have
// restored it.
func TestRejectedSecret(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		p.Only(fleetkit.Server{Rejects: true})
		s := start(p.publisher(m))
		defer s.stop()
		wait(time.Minute)
		if status := s.Status(); status.Err == nil || strings.Contains(status.Err.Error(), secret) {
			t.Errorf("status %+v", status)
		}
		before := p.Requests()
		wait(10 * time.Minute)
		if n := p.Requests() - before; n < 5 || n > 25 {
			t.Errorf("%d requests in 10 minutes, want about one each minute", n)
		}
		if err := p.publisher(m).Once(t.Context()); err == nil || errors.Is(err, relay.ErrHeld) {
			t.Errorf("Once: error %v", err)
		}
		p.Only(fleetkit.Server{})
		wait(2 * time.Minute)
		expect(t, m, "flag", true)
		// A leader stays one, and gets news when the secret works again.
		p.Only(fleetkit.Server{Rejects: true})
		wait(5 * time.Minute)
		if h := headIn(t, m); !h.Blind || h.Owner != s.Status().Replica {
			t.Errorf("head %+v", h)
		}
		p.Only(fleetkit.Server{})
		p.Set("flag", false)
		wait(3 * time.Minute)
		expect(t, m, "flag", false)
	})
}

// endable is a transport whose session ends when the application says so, as if the
// platform rejected the secret for good. Those of this module end only before the
// first data.
type endable struct {
	poll.Transport
	end chan struct{}
}

type endableSession struct {
	transport.Runner
	store transport.Store
	end   chan struct{}
}

func (e *endable) Open(env transport.Env) (transport.Session, error) {
	session, err := e.Transport.Open(env)
	if err != nil {
		return nil, err
	}
	return endableSession{session.(transport.Runner), env.Store, e.end}, nil
}

func (e endableSession) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-e.end:
			cancel()
			e.store.Off(&transport.Error{Kind: transport.KindRefused, Err: errors.New("rejected")})
		case <-ctx.Done():
		}
	}()
	e.Runner.Run(ctx)
}

func TestLeaderConnectsAgainAfterItsTransportHasEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		tr := &endable{Transport: poll.Transport{Interval: time.Second}, end: make(chan struct{})}
		pub := p.publisher(m)
		pub.Config.Transport = tr
		s := start(pub)
		defer s.stop()
		wait(10 * time.Second)
		tr.end <- struct{}{}
		p.Set("flag", false)
		wait(30 * time.Second)
		expect(t, m, "flag", true)
		wait(time.Minute)
		expect(t, m, "flag", false)
		if !s.Status().Leader {
			t.Errorf("status %+v", s.Status())
		}
	})
}

// The longest time without a leader is a Lease, a beat, and the second that the
// platform may take to respond, whenever the standby reads the head.
func TestTimeWithoutALeader(t *testing.T) {
	for phase := 100 * time.Millisecond; phase < 5*time.Second; phase += 800 * time.Millisecond {
		inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
			l := &fleetkit.Link{Backend: m}
			first := start(p.publisher(l))
			wait(30 * time.Second)
			time.Sleep(phase)
			standby := p.publisher(m)
			standby.Lease = 16 * time.Second // not a number of beats
			second := start(standby)
			wait(30 * time.Second)
			beat := headIn(t, m).Beat
			for headIn(t, m).Beat == beat {
				wait(10 * time.Millisecond)
			}
			l.SetCut(true) // just after a beat, which is worst
			cut := time.Now()
			for !second.Status().Leader {
				wait(100 * time.Millisecond)
			}
			if gap := time.Since(cut); gap > 22*time.Second {
				t.Errorf("standby %v behind: %v without a leader", phase, gap)
			}
			first.stop()
			second.stop()
		})
	}
}
