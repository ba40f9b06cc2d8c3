package fleet_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

func TestNextBackendIsReadAtOnce(t *testing.T) {
	for name, fault := range map[string]fleettest.Fault{"down": down(errDown), "hanging": hanging} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				second := new(fleettest.Memory)
				second.Name = "second"
				write(t, second, headOf("a", 1, 1, nil), data("on", 1), 0)
				m.Before(fault)
				began := time.Now()
				r := newReader(t, func(tr *fleet.Transport) { tr.Timeout = 800 * ms }, m, second)
				defer r.close()
				r.expect("on", ffc.StateOK, 1)
				if took := time.Since(began); took > 400*ms {
					t.Errorf("the first data took %v, want half of Timeout at most", took)
				}
				if s := r.Status().Source; s.Backend != "second" || s.Lineage != "a" {
					t.Errorf("source %+v", s)
				}
				if s := r.Stats().Transport; s.Fetches != 1 || s.FetchTime != time.Since(began) {
					t.Errorf("%d fetches in %v, want 1 in %v", s.Fetches, s.FetchTime, time.Since(began))
				}
			})
		})
	}
}

// The last backend has all of the remaining time.
func TestLastBackendHasTheRemainingTime(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		second := new(fleettest.Memory)
		write(t, second, headOf("a", 1, 1, nil), data("on", 1), 0)
		m.Before(hanging)
		second.Before(func(ctx context.Context, call fleettest.Call) error {
			if fleetdata.IsBody(call.Name) {
				return nil
			}
			select {
			case <-time.After(350 * ms):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		r := newReader(t, func(tr *fleet.Transport) { tr.Timeout = 800 * ms }, m, second)
		defer r.close()
		r.expect("on", ffc.StateOK, 1)
	})
}

// A frozen engine does not hide a fresh one, and without a fresh one the latest
// counts.
func TestStaleHeadsGiveWayToFreshOnes(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		second, third := new(fleettest.Memory), new(fleettest.Memory)
		old := headOf("a", 1, 1, nil)
		old.AsOf = time.Now().Add(-time.Hour)
		write(t, m, old, data("off", 1), 0)
		older := headOf("a", 2, 1, nil)
		older.AsOf = time.Now().Add(-30 * time.Minute)
		write(t, second, older, data("on", 2), 0)
		r := newReader(t, nil, m, second)
		defer r.close()
		r.expect("on", ffc.StateInterrupted, 2)
		s := r.Status()
		if s.DataAge != 30*time.Minute || r.kind() != transport.KindUnavailable || !strings.Contains(s.Err.Error(), "1999-12-31T23:30:00Z") {
			t.Errorf("status %+v, want since when", s)
		}
		write(t, third, headOf("a", 3, 9, nil), data("off", 3), 0)
		r2 := newReader(t, nil, m, second, third)
		defer r2.close()
		r2.expect("off", ffc.StateOK, 3)
	})
}

func TestDeadPublisherInterruptsAfterStaleAfter(t *testing.T) {
	tests := map[string]struct {
		every int
		set   time.Duration
		want  time.Duration
	}{
		"default":        {5, 0, 2 * time.Minute},
		"slow publisher": {300, 0, 15 * time.Minute},
		"set":            {5, 10 * time.Second, 10 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				h := headOf("a", 1, 1, nil)
				h.Every, h.Blind = test.every, true
				write(t, m, h, data("on", 1), 0)
				r := newReader(t, func(tr *fleet.Transport) { tr.StaleAfter = test.set }, m)
				defer r.close()
				if err := r.refresh(test.want); err != nil {
					t.Error(err)
				}
				r.expect("on", ffc.StateOK, 1)
				if err := r.refresh(2 * time.Second); err != nil {
					t.Errorf("error %v: the engine has responded", err)
				}
				r.expect("on", ffc.StateInterrupted, 1)
				if s := r.Status(); s.DataAge != test.want+2*time.Second || !strings.Contains(s.Err.Error(), "does not reach the platform") {
					t.Errorf("status %+v", s)
				}
				h.AsOf, h.Blind = time.Now(), false
				writeHead(t, m, h)
				_ = r.refresh(2 * time.Second)
				r.expect("on", ffc.StateOK, 1)
				if got, want := r.logged("up to date"), 2; got != want {
					t.Errorf("%d log lines say that the data is up to date, want %d", got, want)
				}
			})
		})
	}
}

// The log of a function shows which data it evaluates with.
func TestLogSaysWhereTheDataIsFrom(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		h := headOf("a", 7, 1, nil)
		h.Pin = time.Now().Add(time.Hour)
		write(t, m, h, data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		m.Before(down(errDown))
		_ = r.refresh(time.Minute)
		r.expect("on", ffc.StateInterrupted, 7)
		const from = "backend=memory lineage=a revision=7 pinned_until=2000-01-01T01:00:00"
		for _, line := range []string{"up to date", "the engine is unavailable"} {
			if r.logged(line) != 1 {
				t.Errorf("%d log lines have %q, want 1", r.logged(line), line)
			}
		}
		if got := r.logged(from); got != 2 {
			t.Errorf("%d log lines have %s, want 2:\n%s", got, from, r.log.String())
		}
	})
}

// A platform whose clock is behind by more than StaleAfter must not make the
// state flap, and the age stays right.
func TestStaleHeadsThatMoveDoNotFlap(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		h := headOf("a", 1, 1, nil)
		h.AsOf = time.Now().Add(-10 * time.Minute)
		write(t, m, h, data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		for range 10 {
			h.AsOf = time.Now().Add(-10 * time.Minute)
			writeHead(t, m, h)
			_ = r.refresh(10 * time.Second)
			if s := r.Status(); s.State != ffc.StateInterrupted || s.DataAge != 10*time.Minute+10*time.Second {
				t.Fatalf("status %+v", s)
			}
		}
		if n := r.logged("level="); n != 1 {
			t.Errorf("%d log lines, want 1", n)
		}
	})
}

func TestClockAheadCountsAsNow(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		h := headOf("a", 1, 1, nil)
		h.AsOf = time.Now().Add(time.Hour)
		write(t, m, h, data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		for range 3 {
			_ = r.refresh(2 * time.Second)
			if s := r.Status(); s.State != ffc.StateOK || s.DataAge != 0 {
				t.Errorf("status %+v", s)
			}
		}
		if n := r.logged("clock is ahead"); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
	})
}

// With the platform and the publisher away the engine is read as often as ever.
func TestOutageOfThePublisherAddsNoReads(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, func(tr *fleet.Transport) { tr.MaxAge = 30 * time.Second }, m)
		defer r.close()
		before := m.Calls("Get")
		for range 3600 {
			_ = r.refresh(time.Second)
		}
		if reads := m.Calls("Get") - before; reads < 3600/30-5 || reads > 3600/27+5 {
			t.Errorf("%d reads in an hour, want one each 27 to 30s", reads)
		}
		if r.Status().State != ffc.StateInterrupted {
			t.Errorf("status %+v", r.Status())
		}
	})
}

func TestEngineDownPausesGrow(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		m.Before(down(errDown))
		before := m.Calls("Get")
		for range 600 {
			_ = r.refresh(time.Second)
		}
		if reads := m.Calls("Get") - before; reads > 25 {
			t.Errorf("%d reads in 10 minutes of an outage", reads)
		}
		r.expect("on", ffc.StateInterrupted, 1)
		if r.kind() != transport.KindNetwork || !strings.Contains(r.Status().Err.Error(), "memory: connection refused") {
			t.Errorf("error %v", r.Status().Err)
		}
		m.Before(nil)
		h := headOf("a", 1, 200, data("on", 1))
		writeHead(t, m, h)
		_ = r.refresh(time.Minute)
		r.expect("on", ffc.StateOK, 1)
	})
}

// What an engine responds with cannot forge a line of the log.
func TestErrorsOfEnginesFitOnOneLine(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		m.Before(down(errors.New("refused\nlevel=ERROR")))
		r := newReader(t, nil, m)
		defer r.close()
		if err := r.Status().Err; err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q", err)
		}
	})
}

func TestWipedEngineKeepsTheData(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		m.Wipe()
		if err := r.refresh(2 * time.Second); err == nil || !strings.Contains(err.Error(), "no publisher has written") {
			t.Errorf("error %v", err)
		}
		r.expect("on", ffc.StateInterrupted, 1)
		write(t, m, headOf("a", 1, 2, nil), data("on", 1), 0)
		_ = r.refresh(time.Second) // the first pause
		r.expect("on", ffc.StateOK, 1)
	})
}

// throttled is an error of an engine that throttles.
type throttled struct{ wait time.Duration }

func (throttled) Error() string               { return "slow down" }
func (e throttled) RetryAfter() time.Duration { return e.wait }

func TestThrottlingIsAPause(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		m.Before(down(errors.Join(errors.New("request 7"), throttled{20 * time.Second})))
		_ = r.refresh(2 * time.Second)
		m.Before(nil)
		before := m.Calls("Get")
		for range 19 {
			_ = r.refresh(time.Second)
		}
		if n := m.Calls("Get") - before; n != 0 {
			t.Errorf("%d reads within the pause that the engine asked for", n)
		}
		if r.kind() != transport.KindNetwork {
			t.Errorf("kind %q", r.kind())
		}
		_ = r.refresh(7 * time.Second)
		r.expect("on", ffc.StateOK, 1)
	})
}

// A backend that asks for a pause does not keep others from being read before.
func TestThrottlingOfOneBackendIsNoPauseForOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		second := m.Copy()
		r := newReader(t, nil, m, second)
		defer r.close()
		m.Before(down(throttled{20 * time.Second}))
		second.Before(down(errDown))
		if err := r.refresh(2 * time.Second); !errors.As(err, new(throttled)) || !errors.Is(err, errDown) {
			t.Errorf("error %v, want those of both backends", err)
		}
		second.Before(nil)
		_ = r.refresh(2 * time.Second)
		r.expect("on", ffc.StateOK, 1)
	})
}

// A function that was frozen in the middle of a read goes on with the next.
func TestFreezeDuringARead(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		thawed := make(chan struct{})
		m.After(func(context.Context, fleettest.Call) error { <-thawed; return nil })
		_ = r.refresh(2 * time.Second) // its read does not end
		time.Sleep(time.Hour)
		m.After(nil)
		write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.expect("off", ffc.StateOK, 2)
		close(thawed) // the head from before arrives
		synctest.Wait()
		r.expect("off", ffc.StateOK, 2)
	})
}

func TestSplitReadsBodiesElsewhere(t *testing.T) {
	inBubble(t, func(t *testing.T, heads *fleettest.Memory) {
		bodies := new(fleettest.Memory)
		split := fleet.Split{Heads: heads, Bodies: bodies}
		write(t, split, headOf("a", 1, 1, nil), data("on", 1), 0)
		if len(heads.Names()) != 1 || len(bodies.Names()) != 1 {
			t.Errorf("heads %q, bodies %q", heads.Names(), bodies.Names())
		}
		r := newReader(t, nil, split)
		defer r.close()
		r.expect("on", ffc.StateOK, 1)
		if got := r.Status().Source.Backend; got != "memory and memory" {
			t.Errorf("source %q", got)
		}
	})
}

// Split beats as often as the engine of its heads wants.
func TestSplitHasTheBeatOfHeads(t *testing.T) {
	slow, fast := paced{beat: 15 * time.Second}, new(fleettest.Memory)
	if got := (fleet.Split{Heads: slow, Bodies: fast}).Beat(); got != 15*time.Second {
		t.Errorf("heads every %v, want 15 s", got)
	}
	if got := (fleet.Split{Heads: fast, Bodies: slow}).Beat(); got != 0 {
		t.Errorf("heads every %v, want the default", got)
	}
}

// paced is an engine with a beat.
type paced struct {
	fleet.Backend
	beat time.Duration
}

func (p paced) Beat() time.Duration { return p.beat }
