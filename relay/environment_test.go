package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// in returns the environment of these tests in an engine.
func in(b fleet.Backend, mirrors ...fleet.Backend) *relay.Environment {
	return &relay.Environment{Name: environment, Backend: b, Mirrors: mirrors}
}

// pinFor returns a pin of so long.
func pinFor(d time.Duration) relay.Pin {
	return relay.Pin{By: "ann", Reason: "wrong price", Until: time.Now().Add(d)}
}

// logOf returns the log as one line for each revision: whether it is current, and
// the keys that differ.
func logOf(t *testing.T, b fleet.Backend) (lines []string, revisions []int64) {
	t.Helper()
	list, err := in(b).Log(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		lines = append(lines, fmt.Sprint(r.Current, r.Flags, r.Segments, r.Err))
		revisions = append(revisions, r.Revision)
	}
	return lines, revisions
}

// The way of a bad flag: it is rolled back while the platform is down, 200 readers
// have it within Beat + MaxAge, and the pin ends by itself.
func TestRollbackWhileThePlatformIsDown(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		const beat, maxAge = 5 * time.Second, 30 * time.Second
		readers := make([]*ffc.Client, 50)
		if testkit.All() {
			readers = make([]*ffc.Client, 200)
		}
		for i := range readers {
			var err error
			readers[i], err = fleetkit.NewReader(t.Context(), &fleet.Transport{Backends: []fleet.Backend{m}, Interval: maxAge}, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer readers[i].Close(context.Background())
		}
		all := func(want bool) {
			t.Helper()
			for i, r := range readers {
				if got := r.BoolVariation(t.Context(), "flag", ffc.NewUser("u"), !want); got != want {
					t.Fatalf("reader %d has %t; status %+v", i, got, r.Status())
				}
			}
		}
		p.Set("flag", false) // the bad change
		wait(beat + maxAge)
		all(false)
		p.Only(fleetkit.Server{Down: true})
		wait(time.Minute)
		lines, revisions := logOf(t, m)
		if len(lines) != 2 || lines[0] != "true [flag] [] <nil>" || lines[1] != "false [] [] <nil>" {
			t.Fatalf("log %q", lines)
		}
		revision, err := in(m).Rollback(t.Context(), revisions[1], pinFor(10*time.Minute))
		if err != nil || revision <= revisions[0] {
			t.Fatalf("revision %d, error %v", revision, err)
		}
		wait(beat + maxAge)
		all(true)
		if log, err := in(m).Log(t.Context(), 1); err != nil || len(log) != 1 || log[0].Pin.By != "ann" || !log[0].Current {
			t.Errorf("log %+v, error %v", log, err)
		}
		status, err := in(m).Status(t.Context())
		if err != nil || status.Pin.By != "ann" || status.Pin.Reason != "wrong price" || status.Revision != revision || !status.Blind || status.Owner != s.Status().Replica {
			t.Errorf("status %+v, error %v", status, err)
		}
		if at := readers[0].Status().Source; at.Revision != revision || at.PinnedUntil.IsZero() {
			t.Errorf("the reader has %+v", at)
		}
		p.Only(fleetkit.Server{})
		wait(10 * time.Minute)
		all(false)
		if status, _ := in(m).Status(t.Context()); !status.Pin.Until.IsZero() || status.Pin.By != "" {
			t.Errorf("pin %+v after its end", status.Pin)
		}
	})
}

func TestRollbackToWhatIsMissing(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		for name, change := range map[string]func() (int64, error){
			"Rollback": func() (int64, error) { return in(m).Rollback(t.Context(), 1, pinFor(time.Hour)) },
			"Override": func() (int64, error) { return in(m).Override(t.Context(), "flag", "false", pinFor(time.Hour)) },
			"Unpin":    func() (int64, error) { return in(m).Unpin(t.Context()) },
		} {
			if _, err := change(); !errors.Is(err, relay.ErrNotPublished) {
				t.Errorf("%s: error %v in an empty engine", name, err)
			}
		}
		if err := p.publisher(m).Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := in(m).Rollback(t.Context(), 1, pinFor(time.Hour)); !errors.Is(err, relay.ErrNoRevision) {
			t.Errorf("error %v for a revision that never was", err)
		}
		if _, err := in(m).Rollback(t.Context(), headIn(t, m).Revision, pinFor(-time.Second)); err == nil || !strings.Contains(err.Error(), "Until") {
			t.Errorf("error %v for a pin that is over", err)
		}
		p.Set("flag", false)
		wait(time.Second)
		if err := p.publisher(m).Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		had := oldIn(t, m)[0]
		_ = m.Delete(t.Context(), fleetdata.ChunkName(environment, had.Body, 0))
		if _, err := in(m).Rollback(t.Context(), had.Revision, pinFor(time.Hour)); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("error %v for a body that is lost", err)
		}
		if lines, _ := logOf(t, m); len(lines) != 2 || !strings.HasPrefix(lines[1], "false [] []") || strings.HasSuffix(lines[1], "<nil>") {
			t.Errorf("log %q", lines)
		}
		expect(t, m, "flag", false)
	})
}

func TestOverride(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		mirror := new(fleettest.Memory)
		p.Set("other", true)
		p.Archive("archived")
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		p.Only(fleetkit.Server{Down: true})
		if _, err := in(m, mirror).Override(t.Context(), "flag", "false", pinFor(time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, b := range []fleet.Backend{m, mirror} {
			expect(t, b, "flag", false)
			expect(t, b, "other", true)
		}
		if status, err := in(m, mirror).Status(t.Context()); err != nil || status.Mirrors[0].Err != nil || !status.Mirrors[0].Behind.IsZero() || status.Mirrors[0].Revision != status.Revision {
			t.Errorf("status %+v, error %v", status, err)
		}
		if _, err := in(m).Override(t.Context(), "other", "f", pinFor(time.Hour)); err != nil { // by its id
			t.Fatal(err)
		}
		wait(10 * time.Second)
		expect(t, m, "flag", false)
		expect(t, m, "other", false)
		if status, _ := in(m, mirror).Status(t.Context()); status.Mirrors[0].Behind.IsZero() {
			t.Error("the mirror is not behind")
		}
		if _, err := in(m).Override(t.Context(), "flga", "true", pinFor(time.Hour)); err == nil || !strings.HasSuffix(err.Error(), `no flag flga: did you mean "flag"?`) {
			t.Errorf("error %v", err)
		}
		for flag, variation := range map[string]string{"flag": "blue", "no-such": "true", "archived": "true"} {
			if _, err := in(m).Override(t.Context(), flag, variation, pinFor(time.Hour)); err == nil || !strings.Contains(err.Error(), "no ") {
				t.Errorf("%s=%s: error %v", flag, variation, err)
			}
		}
		p.Only(fleetkit.Server{})
		if _, err := in(m).Unpin(t.Context()); err != nil {
			t.Fatal(err)
		}
		wait(10 * time.Second)
		expect(t, m, "flag", true)
		before := headIn(t, m).Revision
		if revision, err := in(m).Unpin(t.Context()); err != nil || revision != before {
			t.Errorf("without a pin: revision %d after %d, error %v", revision, before, err)
		}
	})
}

// Without a publisher, a pin that is over stays in the head.
func TestUnpinAfterThePinHasEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		if err := p.publisher(m).Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		pinned, err := in(m).Override(t.Context(), "flag", "false", pinFor(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		wait(2 * time.Minute)
		if revision, err := in(m).Unpin(t.Context()); err != nil || revision != pinned || headIn(t, m).Revision != pinned {
			t.Errorf("revision %d after %d, error %v", revision, pinned, err)
		}
	})
}

// A mirror that is down does not keep the engine from getting the change.
func TestChangeWithoutAMirror(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		if err := p.publisher(m).Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		down := new(fleettest.Memory)
		down.Before(func(context.Context, fleettest.Call) error { return fleetkit.ErrDown })
		if _, err := in(m, down).Override(t.Context(), "flag", "false", pinFor(time.Hour)); !errors.Is(err, relay.ErrMirror) {
			t.Errorf("error %v, want ErrMirror", err)
		}
		expect(t, m, "flag", false)
		if status, err := in(m, down).Status(t.Context()); err != nil || status.Mirrors[0].Err == nil {
			t.Errorf("status %+v, error %v", status, err)
		}
	})
}

func TestPublishSnapshot(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		if err := p.publisher(m).Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := reader(t, m)
		defer client.Close(context.Background())
		var snapshot strings.Builder
		if err := client.WriteSnapshot(&snapshot); err != nil {
			t.Fatal(err)
		}
		empty := new(fleettest.Memory)
		if _, err := in(empty).Publish(t.Context(), []byte("\ufeff"+snapshot.String()), pinFor(time.Hour)); err != nil {
			t.Fatal(err)
		}
		expect(t, empty, "flag", true)
		if h := headIn(t, empty); h.AsOf.After(time.Now().Add(-30*time.Second)) || h.Revision != h.AsOf.UnixMilli() {
			t.Errorf("head %+v, want the time of the newest change", h)
		}
		p.Set("flag", false)
		s := start(p.publisher(empty)) // takes over, and leaves the pin
		wait(time.Minute)
		expect(t, empty, "flag", true)
		s.stop()
		for name, bad := range map[string]string{
			"JSON":        "{",
			"flag file":   `{"flags":{"a":{}}}`,
			"classic":     `{"featureFlags":[{"id":"FF__1__2__3__a","timestamp":1,"ff":{}}],"segments":[]}`,
			"environment": strings.Replace(snapshot.String(), `{"id"`, `{"envId":"00000000-0000-0000-0000-000000000001","id"`, 1),
			"patch":       strings.Replace(snapshot.String(), `"full"`, `"patch"`, 1),
			"no flags":    `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[]}}`,
			"broken flag": strings.Replace(snapshot.String(), `"updatedAt"`, `"updated"`, 1),
		} {
			if _, err := in(m).Publish(t.Context(), []byte(bad), pinFor(time.Hour)); err == nil || !strings.Contains(err.Error(), "cannot be published") {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if h := headIn(t, m); !h.Pin.IsZero() {
			t.Errorf("head %+v after what was rejected", h)
		}
	})
}

// ofHead reports whether a call writes the head.
func ofHead(call fleettest.Call) bool {
	return call.Op == "Swap" && strings.HasSuffix(call.Name, "/"+fleetdata.HeadObject)
}

// Whatever happens between reading and writing the head, the change arrives once.
func TestChangesAgainstOthers(t *testing.T) {
	tests := map[string]func(t *testing.T, p *featBit, m *fleettest.Memory) fleettest.Fault{
		"a beat in between": func(t *testing.T, p *featBit, m *fleettest.Memory) fleettest.Fault {
			return func(_ context.Context, call fleettest.Call) error {
				m.Before(nil)
				h := headIn(t, m)
				_, tag, _ := m.Get(context.Background(), call.Name)
				h.Beat++
				text, _ := h.Encode()
				_, err := m.Swap(context.Background(), call.Name, text, tag)
				if err != nil {
					t.Error(err)
				}
				return nil
			}
		},
		"a lost response": func(_ *testing.T, _ *featBit, m *fleettest.Memory) fleettest.Fault {
			m.After(func(_ context.Context, call fleettest.Call) error {
				if !ofHead(call) {
					return nil
				}
				m.After(nil)
				return io.ErrUnexpectedEOF
			})
			return func(context.Context, fleettest.Call) error { return nil }
		},
		"the body is removed": func(t *testing.T, _ *featBit, m *fleettest.Memory) fleettest.Fault {
			return func(context.Context, fleettest.Call) error {
				m.Before(nil)
				for _, name := range m.Names() {
					if fleetdata.IsBody(name) {
						_ = m.Delete(t.Context(), name)
					}
				}
				return nil
			}
		},
	}
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				if err := p.publisher(m).Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := headIn(t, m)
				fault := make(t, p, m)
				m.Before(func(ctx context.Context, call fleettest.Call) error {
					if ofHead(call) {
						return fault(ctx, call)
					}
					return nil
				})
				revision, err := in(m).Override(t.Context(), "flag", "false", pinFor(time.Hour))
				if err != nil || revision != before.Revision+1 || headIn(t, m).Revision != revision {
					t.Fatalf("revision %d after %d, error %v", revision, before.Revision, err)
				}
				expect(t, m, "flag", false)
			})
		})
	}
}

// A change that was not written is an error, whatever the engine has by then.
func TestChangesThatAreNotWritten(t *testing.T) {
	hide := func(m *fleettest.Memory) error { // sets the flag to false
		_, err := in(m).Override(context.Background(), "flag", "false", pinFor(time.Hour))
		return err
	}
	pin := func(m *fleettest.Memory) error { // leaves the data
		_, err := in(m).Rollback(context.Background(), headRevision(m), pinFor(time.Hour))
		return err
	}
	back := func(m *fleettest.Memory) error { // to a revision that never was
		_, err := in(m).Rollback(context.Background(), 1, pinFor(time.Hour))
		return err
	}
	for name, test := range map[string]struct {
		change    func(m *fleettest.Memory) error
		op, name  string                    // of the first call that fails
		meanwhile func(m *fleettest.Memory) // just before
	}{
		"the head":                        {change: hide, op: "Swap", name: fleetdata.HeadObject},
		"the head with the same data":     {change: pin, op: "Swap", name: fleetdata.HeadObject},
		"the pin":                         {change: hide, op: "Swap", name: fleetdata.PinObject},
		"the list of pins is not read":    {change: hide, op: "Get", name: fleetdata.PinObject},
		"the list of bodies":              {change: hide, op: "Swap", name: fleetdata.OldObject},
		"the earlier bodies are not read": {change: back, op: "Get", name: fleetdata.OldObject},
		"the body is not read":            {change: hide, op: "Get"},
		"the list of bodies for a pin":    {change: pin, op: "Swap", name: fleetdata.OldObject},
		"another body is written":         {change: hide, op: "Swap", name: fleetdata.HeadObject, meanwhile: func(m *fleettest.Memory) { _ = pin(m) }},
		"another pin is written":          {change: pin, op: "Swap", name: fleetdata.HeadObject, meanwhile: func(m *fleettest.Memory) { time.Sleep(time.Minute); _ = pin(m) }},
		"the engine is wiped":             {change: hide, op: "Swap", name: fleetdata.HeadObject, meanwhile: func(m *fleettest.Memory) { m.Wipe() }},
		"the engine is down afterwards":   {change: hide, op: "Swap", name: fleetdata.HeadObject, meanwhile: func(m *fleettest.Memory) { m.Before(down) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
				if err := p.publisher(m).Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				m.Before(func(_ context.Context, call fleettest.Call) error {
					if call.Op != test.op || !strings.HasSuffix(call.Name, "/"+test.name) && (test.name != "" || !fleetdata.IsBody(call.Name)) {
						return nil
					}
					m.Before(nil)
					if test.meanwhile != nil {
						test.meanwhile(m)
					}
					return fleetkit.ErrDown
				})
				if err := test.change(m); err == nil || errors.Is(err, relay.ErrNoRevision) {
					t.Errorf("error %v; the head is %+v", err, headIn(t, m))
				}
			})
		})
	}
}

func down(context.Context, fleettest.Call) error { return fleetkit.ErrDown }

// headRevision returns the revision in an engine.
func headRevision(m *fleettest.Memory) int64 {
	h, _, err := fleetkit.Head(context.Background(), m)
	if err != nil {
		return 0
	}
	return h.Revision
}

// A head that always changes first ends the attempts.
func TestChangeOfABusyHead(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		if err := p.publisher(m).Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.Before(func(_ context.Context, call fleettest.Call) error {
			if ofHead(call) {
				return fleet.ErrConflict
			}
			return nil
		})
		if _, err := in(m).Override(t.Context(), "flag", "false", pinFor(time.Hour)); err == nil || !strings.Contains(err.Error(), "too many conflicts") {
			t.Errorf("error %v", err)
		}
	})
}

// People who pin at the same time: the record is that of the pin that holds.
func TestPinsAtTheSameTime(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		defer s.stop()
		wait(10 * time.Second)
		m.Before(func(_ context.Context, call fleettest.Call) error {
			if call.Op == "Swap" && strings.HasSuffix(call.Name, "/"+fleetdata.PinObject) {
				time.Sleep(time.Second) // until all have read the list
			}
			return nil
		})
		var people sync.WaitGroup
		for i := range 3 {
			people.Go(func() {
				pin := relay.Pin{By: fmt.Sprint(i), Until: time.Now().Add(time.Duration(i+1) * time.Hour)}
				if _, err := in(m).Rollback(t.Context(), headIn(t, m).Revision, pin); err != nil && !errors.Is(err, relay.ErrNoRevision) {
					t.Error(err)
				}
			})
		}
		people.Wait()
		status, err := in(m).Status(t.Context())
		if err != nil || status.Pin.By == "" || status.Pin.Until.Sub(time.Now().Add(time.Duration(status.Pin.By[0]-'0'+1)*time.Hour)).Abs() > time.Minute {
			t.Errorf("status %+v, error %v", status, err)
		}
	})
}

func TestEnvironmentRejectsBadFields(t *testing.T) {
	m := new(fleettest.Memory)
	for want, e := range map[string]*relay.Environment{
		"Environment.Backend: missing":       {Name: environment},
		"Environment.Backend.Heads: missing": {Name: environment, Backend: fleet.Split{Bodies: m}},
		"Environment.Mirrors[1]: missing":    {Name: environment, Backend: m, Mirrors: []fleet.Backend{m, nil}},
		"Environment.Name":                   {Backend: m},
		"Environment.Keep":                   {Name: environment, Backend: m, Keep: -1},
	} {
		if _, err := e.Unpin(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	long := relay.Pin{Until: time.Now().Add(time.Hour), Reason: strings.Repeat("x", 501)}
	if _, err := in(m).Rollback(t.Context(), 1, long); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("error %v", err)
	}
}

// whoOf returns the log as one line for each revision: who pinned it, why, and the
// flags that differ.
func whoOf(t *testing.T, b fleet.Backend) (lines []string, revisions []int64) {
	t.Helper()
	list, err := in(b).Log(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range list {
		lines = append(lines, fmt.Sprint(r.Pin.By, r.Pin.Reason, r.Flags))
		revisions = append(revisions, r.Revision)
		if r.Current != (i == 0) || r.Err != nil {
			t.Errorf("revision %d of the log is %+v", i, r)
		}
	}
	return lines, revisions
}

// Data that comes back after an undo has several revisions, and each keeps its maker:
// after the pin has ended, and after another replica has taken over.
func TestLogKeepsWhoMadeEachRevision(t *testing.T) {
	inBubble(t, func(t *testing.T, p *featBit, m *fleettest.Memory) {
		s := start(p.publisher(m))
		wait(10 * time.Second)
		act := func(by, variation string) {
			t.Helper()
			pin := relay.Pin{By: by, Reason: "+", Until: time.Now().Add(time.Hour)}
			if _, err := in(m).Override(t.Context(), "flag", variation, pin); err != nil {
				t.Fatal(err)
			}
			wait(7 * time.Second)
		}
		act("ann", "false")
		act("bob", "true")
		act("carl", "false")
		s.stop()
		s = start(p.publisher(m)) // takes over, with a new revision of carl's data
		defer func() { s.stop() }()
		wait(time.Minute)
		if _, err := in(m).Rollback(t.Context(), headIn(t, m).Revision, relay.Pin{By: "dora", Reason: "+", Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		wait(7 * time.Second)
		want := []string{"dora+[]", "carl+[flag]", "bob+[flag]", "ann+[flag]", "[]"}
		if lines, _ := whoOf(t, m); !slices.Equal(lines, want) {
			t.Errorf("before the pin ends: log %q, want %q", lines, want)
		}
		if _, err := in(m).Unpin(t.Context()); err != nil {
			t.Fatal(err)
		}
		wait(7 * time.Second)
		lines, revisions := whoOf(t, m)
		if want = append([]string{"[flag]"}, want...); !slices.Equal(lines, want) {
			t.Fatalf("after the pin: log %q, want %q", lines, want)
		}
		for i, value := range []bool{true, false, false, true, false, true} { // each can be published again
			if _, err := in(m).Rollback(t.Context(), revisions[i], pinFor(time.Hour)); err != nil {
				t.Fatalf("back to revision %d of the log: %v", i, err)
			}
			expect(t, m, "flag", value)
			wait(7 * time.Second)
		}
	})
}
