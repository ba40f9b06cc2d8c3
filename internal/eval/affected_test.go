package eval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

func TestAffected(t *testing.T) {
	t.Parallel()
	s := snapshotWithSegments(map[string]any{
		"plain":      newFlag(),
		"needs":      newFlag(requires("plain")),
		"needsNeeds": newFlag(requires("gone", "needs")),
		"needsOff":   newFlag(disabled, requires("plain")),
		"inS":        newFlag(when(inSegments("s"))),
		"notInR":     newFlag(when(isAdult), when(isAdult, notInSegments("x", "r"))),
		"needsInS":   newFlag(requires("inS")),
		"inCycle":    newFlag(when(inSegments("c1"))),
		"cycle1":     newFlag(requires("cycle2")),
		"cycle2":     newFlag(requires("cycle1")),
		"itself":     newFlag(requires("itself")),
		"needsGone":  newFlag(requires("gone")),
		"broken":     malformed("broken", 1),
		"archived":   archived("archived", 1),
	}, map[string]any{
		"s":      model.Segment{Rules: segmentRules(clauses(isAdult), clauses(isAdult, inSegments("r")))},
		"r":      model.Segment{Rules: segmentRules(clauses(notInSegments("q")))},
		"q":      model.Segment{},
		"c1":     model.Segment{Rules: segmentRules(clauses(inSegments("c2")))},
		"c2":     model.Segment{Rules: segmentRules(clauses(inSegments("c1")))},
		"broken": malformed("broken", 1),
		"alone":  model.Segment{},
	})
	tests := []struct {
		name     string
		flags    string
		segments string
		want     string
	}{
		{name: "nothing"},
		{name: "flag that no flag needs", flags: "needsNeeds", want: "needsNeeds"},
		{name: "flag that others need", flags: "plain", want: "needs needsNeeds needsOff plain"},
		{name: "flag that is gone", flags: "gone", want: "gone needsGone needsNeeds"},
		{name: "archived flag", flags: "archived", want: "archived"},
		{name: "broken flag", flags: "broken", want: "broken"},
		{name: "cycle", flags: "cycle1", want: "cycle1 cycle2"},
		{name: "itself", flags: "itself", want: "itself"},
		{name: "segment", segments: "s", want: "inS needsInS"},
		{name: "nested segment", segments: "r", want: "inS needsInS notInR"},
		{name: "nested twice", segments: "q", want: "inS needsInS notInR"},
		{name: "segment that is gone", segments: "x", want: "notInR"},
		{name: "segment cycle", segments: "c2", want: "inCycle"},
		{name: "segment that no flag uses", segments: "alone"},
		{name: "broken segment", segments: "broken"},
		{name: "both", flags: "plain inCycle", segments: "s alone", want: "inCycle inS needs needsInS needsNeeds needsOff plain"},
		{name: "twice the same", flags: "inS inS", segments: "s s", want: "inS needsInS"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := s.Affected(store.Change{Flags: strings.Fields(test.flags), Segments: strings.Fields(test.segments)})
			if want := strings.Fields(test.want); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// alone marks an item as one that refers to no other.
func alone(it store.Item) store.Item {
	it.Alone = true
	return it
}

// TestAffectedCompilesNothing: it decodes what may refer to others, once, and
// nothing else.
func TestAffectedCompilesNothing(t *testing.T) {
	t.Parallel()
	source, p := newSource()
	flags, segments := countDecoding(source)
	s, change := eval.NewSnapshot(source).Apply(&store.Update{
		Full: true,
		Flags: []store.Item{
			alone(item("a", 1, newFlag())), alone(item("b", 1, newFlag())), alone(malformed("c", 1)),
			item("needsA", 1, newFlag(requires("a"))), item("inS", 1, newFlag(when(inSegments("s")))),
			malformed("bad", 1), {Key: "broken", Broken: true}, archived("gone", 1),
		},
		Segments: []store.Item{alone(item("r", 1, model.Segment{})), item("s", 1, model.Segment{Rules: segmentRules(clauses(inSegments("r")))})},
	}, 0)
	for _, step := range []struct {
		change store.Change
		want   string
	}{
		{change: store.Change{}, want: ""}, // and nothing is decoded
		{change: store.Change{Flags: []string{"a"}}, want: "a needsA"},
		{change: store.Change{Segments: []string{"r"}}, want: "inS"},
		{change: change, want: "a b bad broken c gone inS needsA"},
	} {
		if got := strings.Join(s.Affected(step.change), " "); got != step.want {
			t.Errorf("%v: got %s, want %s", step.change, got, step.want)
		}
		if step.want == "" && flags.Load()+segments.Load() > 0 {
			t.Error("something is decoded for no change")
		}
	}
	if flags.Load() != 3 || segments.Load() != 1 {
		t.Errorf("%d flags and %d segments decoded, expected 3 and 1", flags.Load(), segments.Load())
	}
	p.none(t)
}

// TestAffectedAfterUpdates: who refers to whom follows every update, and what
// has not changed is not read again.
func TestAffectedAfterUpdates(t *testing.T) {
	t.Parallel()
	source, _ := newSource()
	flags, segments := countDecoding(source)
	plain := func(key string, version int64) store.Item { return alone(item(key, version, newFlag())) }
	needs := func(key string, version int64, on string) store.Item {
		return item(key, version, newFlag(requires(on)))
	}
	s := eval.NewSnapshot(source)
	for i, step := range []struct {
		update  store.Update
		want    string // affected by a change of a
		decoded int32  // so far
	}{
		{update: store.Update{Flags: []store.Item{plain("a", 1), needs("x", 1, "a")}}, want: "a x", decoded: 2}, // of a patch
		{update: store.Update{Full: true, Flags: []store.Item{plain("a", 1), needs("x", 1, "a"), plain("y", 1), needs("z", 1, "b")}}, want: "a x", decoded: 3},
		{update: store.Update{Flags: []store.Item{needs("y", 2, "x")}}, want: "a x y", decoded: 4},
		{update: store.Update{Flags: []store.Item{plain("a", 2)}}, want: "a x y", decoded: 5},
		{update: store.Update{Flags: []store.Item{plain("x", 2), needs("z", 2, "a")}}, want: "a z", decoded: 7},
		{update: store.Update{Flags: []store.Item{archived("z", 3), needs("new", 3, "a")}}, want: "a new", decoded: 8},
		{update: store.Update{Full: true, Flags: []store.Item{plain("a", 2), needs("new", 3, "a"), needs("x", 4, "new")}}, want: "a new x", decoded: 9},
		{update: store.Update{Flags: []store.Item{plain("x", 5)}}, want: "a new", decoded: 10},
		{update: store.Update{Flags: []store.Item{archived("new", 6)}}, want: "a", decoded: 10},
	} {
		before, was := s, strings.Join(s.Affected(store.Change{Flags: []string{"a"}}), " ")
		s, _ = s.Apply(&step.update, s.Updates())
		if got := strings.Join(s.Affected(store.Change{Flags: []string{"a"}}), " "); got != step.want {
			t.Errorf("step %d: got %s, want %s", i, got, step.want)
		}
		if flags.Load() != step.decoded {
			t.Errorf("step %d: %d flags decoded, expected %d", i, flags.Load(), step.decoded)
		}
		if now := strings.Join(before.Affected(store.Change{Flags: []string{"a"}}), " "); now != was {
			t.Errorf("step %d: the snapshot before it has changed from %s to %s", i, was, now)
		}
	}
	// Segments of a patch are compiled, and need not be read again.
	s, change := s.Apply(&store.Update{Segments: []store.Item{item("s", 9, model.Segment{Rules: segmentRules(clauses(inSegments("r")))})}}, 0)
	for range 2 {
		s.Affected(change)
		s.Affected(store.Change{Segments: []string{"r"}})
	}
	if segments.Load() != 1 {
		t.Errorf("%d segments decoded, expected 1", segments.Load())
	}
}
