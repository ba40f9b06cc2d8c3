package fleet_test

import (
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

// inBubble runs a test with an engine in memory in a bubble.
func inBubble(t *testing.T, test func(t *testing.T, m *fleettest.Memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, new(fleettest.Memory)) })
}

func TestUnusableHeadsKeepTheData(t *testing.T) {
	good := func(m *fleettest.Memory) string {
		text, _, _ := m.Get(t.Context(), fleetdata.Name(environment, fleetdata.HeadObject))
		return string(text)
	}
	tests := map[string]struct {
		change func(head string) string
		words  string
	}{
		"another environment": {func(h string) string { return strings.Replace(h, environment, strings.Repeat("0", 36), 1) }, "another environment"},
		"another platform":    {func(h string) string { return strings.Replace(h, "featbit", "classic", 1) }, "expected featbit"},
		"newer format":        {func(h string) string { return strings.Replace(h, `"format":1`, `"format":2`, 1) }, "update the SDK"},
		"corrupt":             {func(h string) string { return h[:100] }, "not valid"},
		"empty":               {func(string) string { return "" }, "not valid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				write(t, m, headOf("a", 1, 1, data("on", 1)), data("on", 1), 0)
				r := newReader(t, nil, m)
				defer r.close()
				r.expect("on", ffc.StateOK, 1)
				writeRaw(t, m, []byte(test.change(good(m))))
				if err := r.refresh(2 * time.Second); err == nil || !strings.Contains(err.Error(), test.words) {
					t.Errorf("error %v, want one with %q", err, test.words)
				}
				r.expect("on", ffc.StateInterrupted, 1)
				if r.kind() != transport.KindData {
					t.Errorf("kind %q, want KindData", r.kind())
				}
				second := m.Copy()
				write(t, second, headOf("a", 2, 2, data("off", 2)), data("off", 2), 0)
				both := newReader(t, nil, m, second)
				defer both.close()
				both.expect("off", ffc.StateOK, 2)
			})
		})
	}
}

func TestSameBodyIsNotReadAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		reads := m.Calls("Get")
		time.Sleep(30 * time.Second)
		if age := r.Status().DataAge; age != 30*time.Second {
			t.Errorf("DataAge %v, want 30s", age)
		}
		h := headOf("a", 1, 7, data("on", 1))
		h.AsOf = h.AsOf.Add(-4 * time.Second)
		writeHead(t, m, h)
		before := m.Calls("Get")
		if err := r.refresh(0); err != nil {
			t.Fatal(err)
		}
		if age := r.Status().DataAge; age != 4*time.Second {
			t.Errorf("DataAge %v, want that of the head, 4s", age)
		}
		if got := m.Calls("Get") - before; got != 1 || reads != 3 { // write has read the head once
			t.Errorf("%d reads, want the head only; %d at first, want head and body", got, reads-1)
		}
	})
}

func TestHigherRevisionReplacesTheDataWhateverTheVersions(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 1, 1, nil), data("on", 9), 0)
		r := newReader(t, nil, m)
		defer r.close()
		r.expect("on", ffc.StateOK, 1)
		write(t, m, headOf("a", 2, 2, nil), data("off", 5), 100) // in chunks; a rollback
		if err := r.refresh(2 * time.Second); err != nil {
			t.Fatal(err)
		}
		r.expect("off", ffc.StateOK, 2)
	})
}

func TestCorruptBodiesAreNotUsed(t *testing.T) {
	tests := map[string]struct {
		corrupt func(t *testing.T, m *fleettest.Memory, h *fleetdata.Head)
		kind    transport.Kind
	}{
		"missing chunk": {func(t *testing.T, m *fleettest.Memory, h *fleetdata.Head) {
			_ = m.Delete(t.Context(), fleetdata.ChunkName(environment, h.Body, 1))
		}, transport.KindUnavailable},
		"changed chunk": {func(t *testing.T, m *fleettest.Memory, h *fleetdata.Head) {
			_ = m.Put(t.Context(), fleetdata.ChunkName(environment, h.Body, 1), []byte("x"))
		}, transport.KindData},
		"not a message": {func(t *testing.T, m *fleettest.Memory, h *fleetdata.Head) {
			write(t, m, h, []byte("hello"), 0)
		}, transport.KindData},
		"changes only": {func(t *testing.T, m *fleettest.Memory, h *fleetdata.Head) {
			write(t, m, h, []byte(strings.Replace(string(data("off", 3)), "full", "patch", 1)), 0)
		}, transport.KindData},
		"bomb": {func(t *testing.T, m *fleettest.Memory, h *fleetdata.Head) {
			write(t, m, h, make([]byte, 20_000), 0)
		}, transport.KindData},
		"large gzip": {func(t *testing.T, m *fleettest.Memory, h *fleetdata.Head) {
			h.GZip = 20_000
			writeHead(t, m, h)
		}, transport.KindData},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
				r := newReader(t, func(tr *fleet.Transport) { tr.MaxMessage = 10_000 }, m)
				defer r.close()
				second := m.Copy()
				h := headOf("a", 2, 2, nil)
				write(t, m, h, data("off", 2), 100)
				test.corrupt(t, m, h)
				before := m.Calls("Get")
				err := r.refresh(2 * time.Second)
				if err == nil {
					t.Error("no error")
				}
				if n := m.Calls("Get") - before; (name == "bomb" || name == "large gzip") && (n != 1 || !strings.Contains(err.Error(), "the data has 20000 bytes: expected at most MaxMessage, which is 10000")) {
					t.Errorf("error %v after %d values were read, want the head only", err, n)
				}
				r.expect("on", ffc.StateInterrupted, 1)
				if r.kind() != test.kind {
					t.Errorf("kind %q, want %q", r.kind(), test.kind)
				}
				both := newReader(t, func(tr *fleet.Transport) { tr.MaxMessage = 10_000 }, m, second)
				defer both.close()
				both.expect("on", ffc.StateOK, 1)
			})
		})
	}
}

// follows refreshes every 4 s while the head of another publisher beats, and
// returns after how long it was followed.
func follows(t *testing.T, r *reader, m fleet.Backend, h *fleetdata.Head, most time.Duration) (after time.Duration, ok bool) {
	t.Helper()
	began := time.Now()
	for time.Since(began) < most {
		if err := r.refresh(4 * time.Second); err != nil {
			t.Fatal(err)
		}
		if s := r.Status().Source; s.Lineage == h.Lineage && s.Revision == h.Revision {
			return time.Since(began), true
		}
		h.Beat++
		h.AsOf = time.Now()
		writeHead(t, m, h)
	}
	return 0, false
}

func TestLiveLineageIsFollowedAfterALease(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 100, 500, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		h := headOf("b", 50, 1, nil)
		write(t, m, h, data("off", 2), 0)
		after, ok := follows(t, r, m, h, time.Minute)
		// The first read, after 4 s, begins the Lease of 15 s.
		if !ok || after < 19*time.Second || after > 23*time.Second {
			t.Errorf("followed: %t after %v, want between 19s and 23s", ok, after)
		}
		r.expect("off", ffc.StateOK, 50)
		if n := r.logged("following it"); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
	})
}

func TestEarlierRevisionIsFollowedOnlyAboveTheLastBeat(t *testing.T) {
	for name, test := range map[string]struct {
		beat int64
		want bool
	}{
		"a replica that lags":       {100, false},
		"a publisher that lives on": {501, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				write(t, m, headOf("a", 100, 500, nil), data("on", 1), 0)
				r := newReader(t, nil, m)
				defer r.close()
				h := headOf("a", 99, test.beat, nil)
				write(t, m, h, data("off", 2), 0)
				if _, ok := follows(t, r, m, h, 90*time.Second); ok != test.want {
					t.Errorf("followed: %t, want %t", ok, test.want)
				}
			})
		})
	}
}

func TestLineageIsNotFollowed(t *testing.T) {
	tests := map[string]func(m *fleettest.Memory, ours, other *fleetdata.Head){
		"that does not beat":  func(_ *fleettest.Memory, _, other *fleetdata.Head) { other.Beat = 7 },
		"of earlier data":     func(_ *fleettest.Memory, ours, other *fleetdata.Head) { other.AsOf = ours.AsOf.Add(-time.Second) },
		"while ours is alive": nil,
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *fleettest.Memory) {
				ours := headOf("a", 100, 500, nil)
				write(t, m, ours, data("on", 1), 0)
				r := newReader(t, nil, m)
				defer r.close()
				other := headOf("b", 200, 7, nil)
				write(t, m, other, data("off", 2), 0)
				for i := range 13 {
					if err := r.refresh(10 * time.Second); err != nil {
						t.Fatal(err)
					}
					r.expect("on", r.Status().State, 100)
					if change == nil && i%2 == 0 {
						ours.Beat++
						ours.AsOf = time.Now()
						writeHead(t, m, ours)
						continue
					}
					other.Beat++
					other.AsOf = time.Now()
					if change != nil {
						change(m, ours, other)
					}
					writeHead(t, m, other)
				}
				if change != nil && (r.Status().State != ffc.StateInterrupted || r.kind() != transport.KindUnavailable) {
					t.Errorf("status %+v, want INTERRUPTED after StaleAfter", r.Status())
				}
			})
		})
	}
}

// Lineages of which none was seen to beat are not followed, however many there are.
func TestAlternatingLineagesAreNotFollowed(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 100, 500, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		for i := range 10 {
			write(t, m, headOf([]string{"b", "c"}[i%2], 200, int64(i%2*100), nil), data("off", 2), 0)
			if err := r.refresh(10 * time.Second); err != nil {
				t.Fatal(err)
			}
			r.expect("on", ffc.StateOK, 100)
		}
	})
}

// Two publishers wrote the same revision: what the reader has stays.
func TestSameRevisionWithAnotherBodyIsNotUsed(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 100, 500, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		write(t, m, headOf("a", 100, 500, nil), data("off", 2), 0)
		if err := r.refresh(2 * time.Second); err != nil {
			t.Fatal(err)
		}
		r.expect("on", ffc.StateOK, 100)
	})
}

// An earlier revision that names the same data confirms the data.
func TestSameBodyOfAnEarlierRevisionConfirms(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 100, 500, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		time.Sleep(time.Minute)
		write(t, m, headOf("a", 99, 499, nil), data("on", 1), 0)
		if err := r.refresh(0); err != nil {
			t.Fatal(err)
		}
		r.expect("on", ffc.StateOK, 100)
		if age := r.Status().DataAge; age != 0 {
			t.Errorf("the data was confirmed %v ago, want now", age)
		}
	})
}

// A head that is not followed yet, but names the same data, confirms the data.
func TestSameBodyOfAnotherLineageConfirms(t *testing.T) {
	inBubble(t, func(t *testing.T, m *fleettest.Memory) {
		write(t, m, headOf("a", 100, 500, nil), data("on", 1), 0)
		r := newReader(t, nil, m)
		defer r.close()
		time.Sleep(time.Minute)
		h := headOf("b", 3, 1, nil)
		write(t, m, h, data("on", 1), 0)
		if err := r.refresh(0); err != nil {
			t.Fatal(err)
		}
		if s := r.Status(); s.DataAge != 0 || s.Source.Lineage != "a" {
			t.Errorf("status %+v, want data of now and lineage a", s)
		}
		if _, ok := follows(t, r, m, h, time.Minute); !ok {
			t.Error("the lineage is never followed")
		}
	})
}
