package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func TestWipedEngineIsWrittenAgainWithinABeat(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(time.Minute)
		before := headIn(t, m)
		p.Only(fleetkit.Server{Down: true}) // the leader needs no platform for that
		m.Wipe()
		wait(5 * time.Second)
		h := headIn(t, m)
		if h == nil || h.Lineage != before.Lineage || h.Revision != before.Revision || h.Beat <= before.Beat {
			t.Fatalf("head %+v after %+v", h, before)
		}
		expect(t, m, "flag", true)
	})
}

// A replica that finds no head for a whole beat gets the platform's data while it
// waits. As long as a leader lives it does not connect.
func TestEmptyEngineIsPreparedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(4900 * time.Millisecond)
		if n := p.Requests(); n != 0 {
			t.Errorf("%d requests to the platform in the first beat", n)
		}
		wait(time.Second)
		if n := p.Requests(); n == 0 || headIn(t, m) != nil {
			t.Errorf("%d requests and head %+v in the second beat, want requests and no head", n, headIn(t, m))
		}
		wait(1700 * time.Millisecond)
		if headIn(t, m) == nil {
			t.Error("no head after 1.5 beats")
		}
		beside := &featBit{p.Beside()}
		standby := start(beside.publisher(m))
		defer standby.stop()
		for range 10 {
			wait(11 * time.Second)
			m.Wipe()
		}
		if n := beside.Requests(); n != 0 {
			t.Errorf("%d requests by a replica that stands by", n)
		}
	})
}

// A standby remembers the lineage and the data: the whole engine may be lost with
// the leader.
func TestWipedEngineAndDeadLeader(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		time.Sleep(time.Hour)
		p.Set("flag", false)
		l := &fleetkit.Link{Backend: m}
		first := start(p.publisher(l))
		wait(20 * time.Second)
		second := start(p.publisher(m))
		wait(20 * time.Second)
		before := headIn(t, m)
		l.SetCut(true)
		m.Wipe()
		p.Only(fleetkit.Server{Lag: 10 * time.Minute}) // which has the flag on
		wait(time.Minute)
		if h := headIn(t, m); h != nil {
			t.Errorf("head %+v from a server that is behind", h)
		}
		p.Only(fleetkit.Server{})
		wait(time.Minute)
		h := headIn(t, m)
		if h == nil || h.Lineage != before.Lineage || h.Revision <= before.Revision || h.Owner != second.Status().Replica {
			t.Errorf("head %+v after %+v", h, before)
		}
		expect(t, m, "flag", false)
		l.SetCut(false)
		first.stop()
		second.stop()
	})
}

func TestBodyThatIsLostIsWrittenAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		m.Limit = 100 // several chunks
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		h := headIn(t, m)
		if h.Chunks < 2 {
			t.Fatalf("%d chunks, want more", h.Chunks)
		}
		_ = m.Delete(t.Context(), fleetdata.ChunkName(environment, h.Body, 1))
		_ = m.Put(t.Context(), fleetdata.ChunkName(environment, h.Body, 0), []byte("corrupt"))
		wait(70 * time.Second)
		expect(t, m, "flag", true)
	})
}

// A replica that was promoted has lost the last writes: the leader goes on, and no
// reader goes back.
func TestFailoverThatLostWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		replica := m.Copy()
		time.Sleep(2 * time.Second)
		p.Set("flag", false)
		wait(2 * time.Second)
		r := reader(t, m)
		defer r.Close(context.Background())
		had := headIn(t, m)
		m.Restore(replica)
		wait(6 * time.Second)
		h := headIn(t, m)
		if h.Revision <= had.Revision || h.Lineage != had.Lineage || h.Owner != s.Status().Replica || h.AsOf.Before(had.AsOf) {
			t.Errorf("head %+v after %+v", h, had)
		}
		expect(t, m, "flag", false)
		if err := r.Refresh(t.Context()); err != nil || r.Status().Source.Revision != h.Revision {
			t.Errorf("error %v, source %+v", err, r.Status().Source)
		}
	})
}

// A write that succeeded although the leader got an error is the leader's own.
func TestLostResponses(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		m.After(func(_ context.Context, call fleettest.Call) error {
			if call.Op == "Swap" && strings.HasSuffix(call.Name, "/"+fleetdata.HeadObject) {
				return fleetkit.ErrDown
			}
			return nil
		})
		before := headIn(t, m).Revision
		p.Set("flag", false)
		wait(6 * time.Second)
		if s.Status().Err == nil {
			t.Error("no error in Status")
		}
		written := headIn(t, m).Revision
		if written <= before {
			t.Errorf("revision %d after %d: the change was not written", written, before)
		}
		m.After(nil)
		wait(6 * time.Second)
		if h := headIn(t, m); h.Revision != written {
			t.Errorf("revision %d after %d, want the leader to find its own write", h.Revision, written)
		}
		if status := s.Status(); !status.Leader || status.Err != nil {
			t.Errorf("status %+v", status)
		}
		expect(t, m, "flag", false)
	})
}

// A frozen leader that finds an empty engine must not fill it with what it had.
func TestFrozenLeaderDoesNotFillAWipedEngine(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		l := &fleetkit.Link{Backend: m}
		first := start(p.publisher(l))
		wait(10 * time.Second)
		l.Freeze()
		second := start(p.publisher(m))
		wait(time.Minute)
		p.Set("flag", false)
		wait(10 * time.Second)
		second.stop()
		had := headIn(t, m)
		m.Wipe()
		p.Only(fleetkit.Server{Down: true})
		l.Thaw()
		wait(10 * time.Second)
		if h := headIn(t, m); h != nil {
			t.Errorf("head %+v of the frozen leader, after %+v", h, had)
		}
		p.Only(fleetkit.Server{})
		wait(time.Minute)
		if h := headIn(t, m); h == nil || h.Lineage != had.Lineage || h.Revision <= had.Revision {
			t.Errorf("head %+v after %+v", h, had)
		}
		first.stop()
	})
}

func TestEngineDown(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		l := &fleetkit.Link{Backend: m}
		s := start(p.publisher(l))
		defer s.stop()
		wait(10 * time.Second)
		l.SetCut(true)
		p.Set("flag", false)
		before := p.Requests()
		wait(time.Minute)
		if status := s.Status(); status.Err == nil || !strings.Contains(status.Err.Error(), "refused") {
			t.Errorf("status %+v", status)
		}
		if n := p.Requests() - before; n < 50 {
			t.Errorf("%d requests to the platform in a minute, want one a second: the connection stays", n)
		}
		l.SetCut(false)
		wait(20 * time.Second)
		if status := s.Status(); status.Err != nil || !status.Leader {
			t.Errorf("status %+v", status)
		}
		expect(t, m, "flag", false)
	})
}

func TestHeadsThatAreNotReplaced(t *testing.T) {
	for name, edit := range map[string]func(text []byte) []byte{
		"a newer format":      func(text []byte) []byte { return bytes.Replace(text, []byte(`"format":1`), []byte(`"format":2`), 1) },
		"another environment": func(text []byte) []byte { return bytes.ReplaceAll(text, []byte(environment), []byte("other")) },
		"another platform":    func(text []byte) []byte { return bytes.Replace(text, []byte("featbit"), []byte("classic"), 1) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				if err := p.publisher(m).Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				headName := fleetdata.Name(environment, fleetdata.HeadObject)
				text, tag, _ := m.Get(t.Context(), headName)
				_, _ = m.Swap(t.Context(), headName, edit(text), tag)
				s := start(p.publisher(m))
				wait(time.Minute)
				if now, _, _ := m.Get(t.Context(), headName); !bytes.Equal(now, edit(text)) || s.Status().Err == nil {
					t.Errorf("head %s, status %+v", now, s.Status())
				}
				s.stop()
				if err := p.publisher(m).Once(t.Context()); err == nil {
					t.Error("Once replaced the head")
				}
				snapshot := []byte(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[]}}`)
				e := in(m)
				e.Platform = ffc.PlatformFeatBit
				if _, err := e.Publish(t.Context(), snapshot, pinFor(time.Hour)); err == nil || errors.Is(err, relay.ErrSnapshot) {
					t.Errorf("Publish: error %v, want one about the head", err)
				}
			})
		})
	}
}

func TestCorruptHeadIsReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		_, _ = m.Swap(t.Context(), fleetdata.Name(environment, fleetdata.HeadObject), []byte("{"), "")
		s := start(p.publisher(m))
		defer s.stop()
		wait(30 * time.Second)
		expect(t, m, "flag", true)
	})
}

// bodiesIn returns the bodies that an engine has, by their sums.
func bodiesIn(m *fleettest.Memory) map[string]bool {
	bodies := make(map[string]bool)
	for _, name := range m.Names() {
		if fleetdata.IsBody(name) {
			sum, _, _ := strings.Cut(strings.TrimPrefix(name, environment+"/"), ".")
			bodies[sum] = true
		}
	}
	return bodies
}

// A head that names the sum of the platform's data, but another body, is not believed.
func TestSumOfOtherData(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		first := start(p.publisher(m))
		wait(10 * time.Second)
		first.stop()
		p.Set("flag", false)
		other := new(fleettest.Memory)
		second := start(p.publisher(other))
		wait(10 * time.Second)
		second.stop()
		if _, err := fleetkit.ChangeHead(t.Context(), m, func(h *fleetdata.Head) error { h.Data = headIn(t, other).Data; return nil }); err != nil {
			t.Fatal(err)
		}
		third := start(p.publisher(m))
		defer third.stop()
		wait(10 * time.Second)
		expect(t, m, "flag", false)
	})
}

func TestReplacedBodiesStayForKeep(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		pub := p.publisher(m)
		pub.Keep = time.Hour
		s := start(pub)
		defer s.stop()
		wait(10 * time.Second)
		for i := range 30 {
			p.Set("flag", i%2 == 1)
			wait(2 * time.Second)
		}
		if n := len(bodiesIn(m)); n != 31 {
			t.Errorf("%d bodies, want all 31", n)
		}
		list := oldIn(t, m)
		if len(list) != 30 || list[29].Revision == 0 || list[29].Owner != s.Status().Replica {
			t.Errorf("%d earlier bodies, the last being %+v", len(list), list[len(list)-1])
		}
		wait(62 * time.Minute)
		if n := len(bodiesIn(m)); n != 21 {
			t.Errorf("%d bodies after Keep, want the current and the last 20", n)
		}
		if list := oldIn(t, m); len(list) != 20 || list.Find(headIn(t, m).Body) != nil {
			t.Errorf("%d earlier bodies", len(list))
		}
	})
}

// A body stays while the head or a revision whose time is not over names it, also if the
// time of an earlier revision with that body is over.
func TestBodyOfSeveralRevisionsStays(t *testing.T) {
	for name, pinned := range map[string]time.Duration{"current": 3 * time.Hour, "earlier": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				pub := p.publisher(m)
				pub.Keep = time.Hour
				s := start(pub)
				defer s.stop()
				wait(10 * time.Second)
				first := headIn(t, m)
				for i := range 25 { // so that the first is not one of the last 20, which always stay
					p.Set("flag", i%2 == 1)
					wait(2 * time.Second)
				}
				wait(30 * time.Minute)
				e := &relay.Environment{Name: environment, Backend: m, Keep: pub.Keep}
				again, err := e.Rollback(t.Context(), first.Revision, relay.Pin{Until: time.Now().Add(pinned)})
				if err != nil {
					t.Fatal(err)
				}
				m.Before(func(_ context.Context, call fleettest.Call) error {
					if call.Op == "Delete" && call.Name == fleetdata.ChunkName(environment, first.Body, 0) {
						t.Error("the body was removed")
					}
					return nil
				})
				wait(45 * time.Minute) // the time of the first revision is over
				list := oldIn(t, m)
				if slices.ContainsFunc(list, func(o fleetdata.Old) bool { return o.Revision == first.Revision }) {
					t.Error("the first revision is listed after Keep")
				}
				if now := headIn(t, m).Body == first.Body; now != (name == "current") {
					t.Errorf("the head names the body: %t", now)
				}
				if _, err := e.Rollback(t.Context(), again, relay.Pin{Until: time.Now().Add(time.Minute)}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The list of earlier bodies stays small, however many there are.
func TestManyChanges(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		const limit = 32 << 10
		largest := 0
		for i := range 300 {
			p.Set("flag", i%2 == 1)
			wait(time.Second)
			largest = max(largest, len(oldIn(t, m).Encode()))
		}
		if largest > limit || largest < limit/2 {
			t.Errorf("the list has up to %d bytes, want at most %d", largest, limit)
		}
		if bodies, listed := len(bodiesIn(m)), len(oldIn(t, m)); bodies != listed+1 {
			t.Errorf("%d bodies, %d in the list: some leaked", bodies, listed)
		}
	})
}

// Whenever a leader is killed, nothing stays that no list names.
func TestCrashesLeakNothing(t *testing.T) {
	for _, kill := range []string{"old", "body", "head", "old again"} {
		t.Run(kill, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				l := &fleetkit.Link{Backend: m}
				first := start(p.publisher(l))
				wait(10 * time.Second)
				swaps := 0
				m.After(func(_ context.Context, call fleettest.Call) error {
					isOld := strings.HasSuffix(call.Name, "/"+fleetdata.OldObject)
					if call.Op == "Swap" && isOld {
						swaps++
					}
					if kill == "old" && isOld && call.Op == "Swap" || kill == "body" && call.Op == "Put" ||
						kill == "head" && call.Op == "Swap" && !isOld || kill == "old again" && swaps == 2 {
						l.SetCut(true)
					}
					return nil
				})
				p.Set("flag", false)
				wait(10 * time.Second)
				m.After(nil)
				p.Set("other", true) // so that what was being written is not published any more
				second := start(p.publisher(m))
				wait(time.Minute)
				p.Set("flag", true)
				wait(10 * time.Second)
				expect(t, m, "flag", true)
				bodies, list := bodiesIn(m), oldIn(t, m)
				delete(bodies, headIn(t, m).Body)
				for sum := range bodies {
					if list.Find(sum) == nil {
						t.Errorf("a body stays that no list names")
					}
				}
				if len(list) < 1 {
					t.Errorf("%d earlier bodies", len(list))
				}
				first.stop()
				second.stop()
			})
		})
	}
}

func TestMirrors(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		good, bad := new(fleettest.Memory), &fleettest.Memory{Name: "region-2"}
		bad.Before(func(ctx context.Context, _ fleettest.Call) error {
			<-ctx.Done() // hangs
			return context.Cause(ctx)
		})
		pub := p.publisher(m)
		pub.Mirrors = []fleet.Backend{good, bad}
		s := start(pub)
		defer s.stop()
		wait(30 * time.Second)
		p.Set("flag", false)
		wait(2 * time.Second)
		expect(t, m, "flag", false)
		expect(t, good, "flag", false)
		wait(20 * time.Second)
		status := s.Status().Mirrors
		if status[0].Err != nil || !status[0].Behind.IsZero() || status[0].Revision != headIn(t, m).Revision {
			t.Errorf("mirror %+v", status[0])
		}
		if status[1].Err == nil || status[1].Behind.IsZero() || status[1].Name != "region-2" {
			t.Errorf("mirror %+v", status[1])
		}
		bad.Before(nil)
		wait(16 * time.Second)
		expect(t, bad, "flag", false)
		if status := s.Status().Mirrors[1]; status.Err != nil || !status.Behind.IsZero() {
			t.Errorf("mirror %+v", status)
		}
		// A mirror that is wiped, or has lost its body, is written again.
		good.Wipe()
		wait(10 * time.Second)
		expect(t, good, "flag", false)
		_ = good.Delete(t.Context(), fleetdata.ChunkName(environment, headIn(t, m).Body, 0))
		wait(70 * time.Second)
		expect(t, good, "flag", false)
		if a, b := headIn(t, m), headIn(t, good); *a != *b {
			t.Errorf("mirror has %+v, want %+v", b, a)
		}
	})
}

// Where the engine has lost everything, and no replica has seen anything, a mirror
// still knows the lineage and the data.
func TestMirrorsRememberWhatTheEngineLost(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		time.Sleep(time.Hour)
		p.Set("flag", false)
		time.Sleep(time.Minute)
		mirror := new(fleettest.Memory)
		pub := p.publisher(m)
		pub.Mirrors = []fleet.Backend{mirror}
		if err := pub.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		had := headIn(t, m)
		m.Wipe()
		p.Only(fleetkit.Server{Lag: 10 * time.Minute})
		again := p.publisher(m)
		again.Mirrors = []fleet.Backend{mirror}
		s := start(again)
		defer s.stop()
		wait(time.Minute)
		if h := headIn(t, m); h != nil {
			t.Errorf("head %+v from a server that is behind", h)
		}
		p.Only(fleetkit.Server{})
		wait(time.Minute)
		if h := headIn(t, m); h == nil || h.Lineage != had.Lineage || h.Revision <= had.Revision {
			t.Errorf("head %+v after %+v", h, had)
		}
	})
}

// Many changes at once are one publish, and no two are closer than 100 ms.
func TestPublishesAreApart(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		pub := p.publisher(m)
		pub.Config.Transport = &poll.Transport{Interval: 10 * time.Millisecond}
		s := start(pub)
		defer s.stop()
		wait(10 * time.Second)
		var at []time.Time // of publishes
		m.After(func(_ context.Context, call fleettest.Call) error {
			if call.Op == "Put" {
				at = append(at, time.Now())
			}
			return nil
		})
		for i := range 500 {
			p.Set(fmt.Sprintf("flag-%d", i%7), i%2 == 0)
			time.Sleep(10 * time.Millisecond)
		}
		wait(2 * time.Second)
		m.After(nil)
		if len(at) < 40 {
			t.Errorf("%d publishes of 500 changes in 5 s, want about 10 in a second", len(at))
		}
		for i := 1; i < len(at); i++ {
			if apart := at[i].Sub(at[i-1]); apart < 100*time.Millisecond {
				t.Errorf("two publishes are %v apart", apart)
			}
		}
	})
}
