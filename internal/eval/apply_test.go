package eval_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// step is an update in short form: "a5" is flag a with version 5, "a5x" its
// tombstone, "a5!" a broken one, "S:a5" a segment, "T:a5" a user tag.
type step struct {
	full      string // of a full; "none" is a full without items
	patch     string
	bootstrap string
	// The platform was asked for the full right before it came, unless it was
	// asked after that many steps, or before the first one.
	asked      int
	unasked    bool
	noSegments bool
}

// update is the update that the step stands for.
func (s step) update(t *testing.T) *store.Update {
	t.Helper()
	u := &store.Update{Full: s.full != "", NoSegments: s.noSegments}
	for _, text := range strings.Fields(strings.TrimPrefix(s.full+s.patch+s.bootstrap, "none")) {
		var version int64
		kind, name, _ := strings.Cut(text, ":")
		if name == "" {
			kind, name = "F", text
		}
		name, isArchived := strings.CutSuffix(name, "x")
		name, isBroken := strings.CutSuffix(name, "!")
		if _, err := fmt.Sscan(name[1:], &version); err != nil {
			t.Fatal(err)
		}
		key := name[:1]
		it := item(key, version, newFlag(served(name)))
		if isArchived {
			it = archived(key, version)
		}
		it.Broken = isBroken
		switch kind {
		case "F":
			u.Flags = append(u.Flags, it)
		case "S":
			if !isArchived {
				it = item(key, version, model.Segment{})
				it.Broken = isBroken
			}
			u.Segments = append(u.Segments, it)
		case "T":
			u.Tags = append(u.Tags, it)
		}
	}
	return u
}

func (s step) apply(t *testing.T, before *eval.Snapshot, updates []uint64) (*eval.Snapshot, store.Change) {
	t.Helper()
	u := s.update(t)
	if s.bootstrap != "" {
		return before.Bootstrap(u), store.Change{}
	}
	asked := before.Updates()
	if s.asked > 0 {
		asked = updates[s.asked-1]
	}
	if s.unasked {
		asked = 0
	}
	return before.Apply(u, asked)
}

// contents lists what a snapshot has, in the form of step.
func contents(t *testing.T, s *eval.Snapshot) string {
	t.Helper()
	flags, segments, tags := s.Items()
	var texts []string
	for i, items := range [][]store.Item{flags, segments, tags} {
		for _, it := range items {
			text := fmt.Sprintf("%s%s%d", [...]string{"", "S:", "T:"}[i], it.Key, it.Version)
			if it.Archived {
				text += "x"
			}
			if it.Broken {
				text += "!"
			}
			texts = append(texts, text)
			if i == 0 {
				checkServed(t, s, it)
			}
		}
	}
	return strings.Join(texts, " ")
}

// checkServed checks that evaluation agrees with what is stored.
func checkServed(t *testing.T, s *eval.Snapshot, it store.Item) {
	t.Helper()
	want := fmt.Sprintf("%s%d, fall through all rules", it.Key, it.Version)
	if it.Broken {
		want = failed
	}
	if it.Archived {
		want = "-"
	}
	if got := answer(s, it.Key, user("u")); got != want {
		t.Errorf("flag %s: got %s, want %s", it.Key, got, want)
	}
	if s.Has(it.Key) == it.Archived || slices.Contains(s.Keys(), it.Key) == it.Archived {
		t.Errorf("flag %s: Has %v, Keys %q", it.Key, s.Has(it.Key), s.Keys())
	}
}

// TestApply goes through the store rules (protocol reference, section 5).
func TestApply(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		steps   []step
		want    string
		version int64
		// unsynced: no full has been applied.
		unsynced bool
		// changed are the keys that the last step changed.
		changed string
		// same: the last step changed nothing.
		same bool
	}{
		{name: "nothing", unsynced: true, same: true},

		{name: "full", steps: []step{{full: "a5 b6x S:s7 T:t8"}}, want: "a5 b6x S:s7 T:t8", version: 8, changed: "a b S:s"},
		{name: "empty full initializes", steps: []step{{full: "none"}}},
		{name: "full of zero timestamps", steps: []step{{full: "a0 b0"}}, want: "a0 b0", changed: "a b"},
		{name: "full of negative timestamps", steps: []step{{full: "a-5 b-6"}}, want: "a-5 b-6", changed: "a b"},
		{name: "newer full replaces all", steps: []step{{full: "a5 b5 S:s5 T:t5"}, {full: "b6 c6 S:r6"}}, want: "b6 c6 S:r6", version: 6, changed: "a b c S:r S:s"},
		{name: "newer full takes segments away", steps: []step{{full: "a5 S:s5"}, {full: "a6"}}, want: "a6", version: 6, changed: "a S:s"},
		{name: "newer full takes everything away", steps: []step{{full: "a5 S:s5"}, {full: "none"}}, changed: "a S:s"},
		{name: "equal full", steps: []step{{full: "a5 b6 S:s4 T:t1"}, {full: "b6 a5 S:s4 T:t1"}}, want: "a5 b6 S:s4 T:t1", version: 6, same: true},
		{name: "equal full of zero timestamps", steps: []step{{full: "a0"}, {full: "a0"}}, want: "a0", same: true},
		{name: "second empty full", steps: []step{{full: "none"}, {full: "none"}}, same: true},
		{name: "two versions in one full", steps: []step{{full: "a5 a7 a6 b7 b5"}}, want: "a7 b7", version: 7, changed: "a b"},
		{name: "equal full with two versions", steps: []step{{full: "a5 b5"}, {full: "a4 a5 b5 a3"}}, want: "a5 b5", version: 5, same: true},
		{name: "two versions in one full, one pushed after asking", steps: []step{{full: "a1 b1"}, {patch: "a6 b8"}, {full: "a5 a7 a6 b5 b7", asked: 1}}, want: "a7 b8", version: 8, changed: "a"},
		{name: "two versions in one full, archived last", steps: []step{{full: "a5 a7x"}}, want: "a7x", version: 7, changed: "a"},

		// What is older than what is stored is decided by package store.
		{name: "older full", steps: []step{{full: "a5 b6"}, {full: "a4 b5"}}, want: "a4 b5", version: 5, changed: "a b"},
		{name: "older full asked for before", steps: []step{{full: "a5 b5"}, {patch: "a6x"}, {full: "a5 b5", asked: 1}}, want: "a6x b5", version: 6, same: true},
		{name: "older full that may be a cache's", steps: []step{{full: "a5 b6 c7"}, {full: "a4 b6", unasked: true}}, want: "a5 b6 c7", version: 7, same: true},
		{name: "full that lacks what was archived", steps: []step{{full: "a5 b6"}, {full: "a5"}}, want: "a5", version: 5, changed: "b"},
		{name: "full that lacks a tombstone", steps: []step{{full: "a5 b6"}, {patch: "b7x"}, {full: "a5"}}, want: "a5", version: 5, changed: "b"},
		{name: "newer full with an older item", steps: []step{{full: "a5 b6"}, {full: "a4 b7"}}, want: "a4 b7", version: 7, changed: "a b"},

		{name: "patch before full", steps: []step{{patch: "a5"}}, want: "a5", version: 5, unsynced: true, changed: "a"},
		{name: "empty patch before full", steps: []step{{patch: "none"}}, unsynced: true, same: true},
		{name: "first full after an older patch", steps: []step{{patch: "a5"}, {full: "a6 b6", unasked: true}}, want: "a6 b6", version: 6, changed: "a b"},
		{name: "first full after a newer patch of its item", steps: []step{{patch: "a7"}, {full: "a5 b6", unasked: true}}, want: "a7 b6", version: 7, changed: "b"},
		{name: "first full after a newer patch of another item", steps: []step{{patch: "c7"}, {full: "a5 b6", unasked: true}}, want: "a5 b6 c7", version: 7, changed: "a b"},
		{name: "first full after an older patch of another item", steps: []step{{patch: "c6"}, {full: "a5 b6", unasked: true}}, want: "a5 b6", version: 6, changed: "a b c"},
		{name: "first full after a tombstone", steps: []step{{patch: "a7x"}, {full: "a5 b6", unasked: true}}, want: "a7x b6", version: 7, changed: "b"},
		{name: "first full after a patch of equal version", steps: []step{{patch: "a5"}, {full: "a5", unasked: true}}, want: "a5", version: 5},
		{name: "first empty full after a patch", steps: []step{{patch: "a5"}, {full: "none", unasked: true}}, want: "a5", version: 5},
		{name: "first full of zero timestamps after a patch", steps: []step{{patch: "a5"}, {full: "a0 b0", unasked: true}}, want: "a5 b0", version: 5, changed: "b"},
		{name: "first full asked for after a newer patch of its item", steps: []step{{patch: "a7"}, {full: "a5 b6"}}, want: "a7 b6", version: 7, changed: "b"},
		{name: "first full asked for after a newer patch of another item", steps: []step{{patch: "c7"}, {full: "a5 b6"}}, want: "a5 b6 c7", version: 7, changed: "a b"},
		{name: "first full after newer segments", steps: []step{{patch: "S:s7 S:r7 S:q1"}, {full: "a5 S:s5"}}, want: "a5 S:r7 S:s7", version: 7, changed: "a S:q"},
		{name: "second full after patches before the first", steps: []step{{patch: "a7 c7"}, {full: "a5 b6", unasked: true}, {full: "b8"}}, want: "b8", version: 8, changed: "a b c"},

		{name: "item pushed after asking", steps: []step{{full: "a5 b5"}, {patch: "a9"}, {full: "a6 b8", asked: 1}}, want: "a9 b8", version: 9, changed: "b"},
		{name: "item pushed before asking", steps: []step{{full: "a5 b5"}, {patch: "a9"}, {full: "a6 b10"}}, want: "a6 b10", version: 10, changed: "a b"},
		{name: "new item pushed after asking", steps: []step{{full: "a5"}, {patch: "c9"}, {full: "a6", asked: 1}}, want: "a6 c9", version: 9, changed: "a"},
		{name: "new item pushed after asking, older than the full", steps: []step{{full: "a5"}, {patch: "c6"}, {full: "a7", asked: 1}}, want: "a7 c6", version: 7, changed: "a"},
		{name: "tombstone pushed after asking", steps: []step{{full: "a5 b5"}, {patch: "a9x"}, {full: "a5 b5", asked: 1}}, want: "a9x b5", version: 9, same: true},
		{name: "item pushed after asking, as in the full", steps: []step{{full: "a5 b5"}, {patch: "a9"}, {full: "a9 b5", asked: 1}}, want: "a9 b5", version: 9, same: true},
		{name: "item pushed after asking, newer in the full", steps: []step{{full: "a5"}, {patch: "a6"}, {full: "a7", asked: 1}}, want: "a7", version: 7, changed: "a"},
		{name: "segment pushed after asking", steps: []step{{full: "a5 S:s5"}, {patch: "S:s9"}, {full: "a6 S:s5", asked: 1}}, want: "a6 S:s9", version: 9, changed: "a"},

		{name: "patch", steps: []step{{full: "a5 b5"}, {patch: "a6"}}, want: "a6 b5", version: 6, changed: "a"},
		{name: "patch with a new item", steps: []step{{full: "a5"}, {patch: "b6 S:s7 T:t8"}}, want: "a5 b6 S:s7 T:t8", version: 8, changed: "b S:s"},
		{name: "patch of several items, each by itself", steps: []step{{full: "a5 b5 c5 d5"}, {patch: "a7 b4 c5 d6"}}, want: "a7 b5 c5 d6", version: 7, changed: "a d"},
		{name: "equal patch", steps: []step{{full: "a5"}, {patch: "a5"}}, want: "a5", version: 5, same: true},
		{name: "equal tombstone", steps: []step{{full: "a5"}, {patch: "a5x"}}, want: "a5x", version: 5, changed: "a"},
		{name: "older patch", steps: []step{{full: "a5"}, {patch: "a4"}}, want: "a5", version: 5, same: true},
		{name: "empty patch", steps: []step{{full: "a5"}, {patch: "none"}}, want: "a5", version: 5, same: true},
		{name: "patch older than the store, of another item", steps: []step{{full: "a5 b9"}, {patch: "a6 c3"}}, want: "a6 b9 c3", version: 9, changed: "a c"},
		{name: "patches in the wrong order", steps: []step{{full: "a5"}, {patch: "a8"}, {patch: "a7"}}, want: "a8", version: 8, same: true},
		{name: "two versions in one patch", steps: []step{{full: "a5 b5 c5"}, {patch: "a6 a8 a7 b4 b6 c6 c5 d2 d1"}}, want: "a8 b6 c6 d2", version: 8, changed: "a b c d"},
		{name: "two versions of a segment and a tag in one patch", steps: []step{{patch: "S:s2 S:s3 S:s1 T:t2 T:t3 T:t1"}}, want: "S:s3 T:t3", version: 3, unsynced: true, changed: "S:s"},
		{name: "first item of version zero", steps: []step{{full: "none"}, {patch: "a0"}}, want: "a0", changed: "a"},
		{name: "user tag alone", steps: []step{{full: "a5 T:t5"}, {patch: "T:t6"}}, want: "a5 T:t6", version: 6},
		{name: "older user tag before a newer one", steps: []step{{full: "a5 S:s5 T:t5 T:r5"}, {patch: "a4 b6 S:s4 S:q6 T:t4 T:r6"}}, want: "a5 b6 S:q6 S:s5 T:r6 T:t5", version: 6, changed: "b S:q"},
		{name: "older user tag", steps: []step{{full: "a5 T:t5"}, {patch: "T:t4"}}, want: "a5 T:t5", version: 5, same: true},

		{name: "archiving", steps: []step{{full: "a5"}, {patch: "a6x"}}, want: "a6x", version: 6, changed: "a"},
		{name: "archiving what is not known", steps: []step{{full: "a5"}, {patch: "b6x S:s7x"}}, want: "a5 b6x S:s7x", version: 7, changed: "b S:s"},
		{name: "tombstone is not revived by what is older", steps: []step{{full: "a5"}, {patch: "a7x"}, {patch: "a6"}}, want: "a7x", version: 7, same: true},
		{name: "tombstone is not revived by its equal", steps: []step{{full: "a5"}, {patch: "a7x"}, {patch: "a7"}}, want: "a7x", version: 7, same: true},
		{name: "tombstone in the full", steps: []step{{full: "a5x"}, {patch: "a4"}}, want: "a5x", version: 5, same: true},
		{name: "un-archiving", steps: []step{{full: "a5"}, {patch: "a6x"}, {patch: "a7"}}, want: "a7", version: 7, changed: "a"},

		{name: "full without segments keeps them", steps: []step{{full: "a5 S:s5"}, {full: "a6", noSegments: true}}, want: "a6 S:s5", version: 6, changed: "a"},
		{name: "first full without segments keeps pushed ones", steps: []step{{patch: "S:s5"}, {full: "a6", noSegments: true}}, want: "a6 S:s5", version: 6, changed: "a"},
		{name: "equal full without segments", steps: []step{{full: "a5 S:s9"}, {full: "a5", noSegments: true}}, want: "a5 S:s9", version: 9, same: true},
		{name: "full without segments keeps the bootstrap's", steps: []step{{bootstrap: "a5 S:s5"}, {full: "a4", noSegments: true}}, want: "a4 S:s5", version: 5, changed: "a"},

		{
			name:  "full with an older segment than the bootstrap's",
			steps: []step{{bootstrap: "S:s9"}, {full: "a5", noSegments: true}, {full: "a5 S:s5"}},
			want:  "a5 S:s5", version: 5, changed: "S:s",
		},
		{name: "full with nothing new but a user tag", steps: []step{{full: "a5 T:t5"}, {full: "a5 T:t6"}}, want: "a5 T:t6", version: 6},

		{name: "bootstrap", steps: []step{{bootstrap: "a5 b6x S:s7 T:t8"}}, want: "a5 b6x S:s7 T:t8", version: 8, unsynced: true},
		{name: "full replaces the bootstrap whole", steps: []step{{bootstrap: "a9 b9 S:s9 T:t9"}, {full: "a5"}}, want: "a5", version: 5, changed: "a b S:s"},
		{name: "empty full replaces the bootstrap", steps: []step{{bootstrap: "a9 S:s9"}, {full: "none"}}, changed: "a S:s"},
		{name: "full equal to the bootstrap", steps: []step{{bootstrap: "a5 S:s5"}, {full: "a5 S:s5"}}, want: "a5 S:s5", version: 5},
		{name: "patch over the bootstrap", steps: []step{{bootstrap: "a5 b5"}, {patch: "a6 b4"}}, want: "a6 b5", version: 6, unsynced: true, changed: "a"},
		{name: "full after patch over the bootstrap", steps: []step{{bootstrap: "a5 b9"}, {patch: "a8"}, {full: "a6 b6", unasked: true}}, want: "a8 b6", version: 8, changed: "b"},
		{name: "broken flag in the first full", steps: []step{{full: "a5 b0! S:s0!"}}, want: "a5 b0! S:s0!", version: 5, changed: "a b S:s"},
		{name: "broken flag does not make a full old", steps: []step{{full: "a5 b6 S:s7"}, {full: "a5 b0! S:s0!"}}, want: "a5 b0! S:s0!", version: 5, changed: "b S:s"},
		{name: "broken flag again", steps: []step{{full: "a5 b0!"}, {full: "a5 b0!"}}, want: "a5 b0!", version: 5, same: true},
		{name: "broken flag of a patch, instead of none", steps: []step{{full: "a5"}, {patch: "b0! S:s0!"}}, want: "a5 b0! S:s0!", version: 5, changed: "b S:s"},
		{name: "broken flag of a patch, version unknown", steps: []step{{full: "a5"}, {patch: "a0!"}}, want: "a5", version: 5, same: true},
		{name: "broken flag of a patch, version known", steps: []step{{full: "a5"}, {patch: "a6!"}}, want: "a6!", version: 6, changed: "a"},
		{name: "broken flag is mended", steps: []step{{full: "a0! S:s0!"}, {patch: "a5 S:s5"}}, want: "a5 S:s5", version: 5, changed: "a S:s"},
		{name: "broken flag, pushed after asking", steps: []step{{full: "a5"}, {patch: "a6"}, {full: "a0!", asked: 1}}, want: "a6", version: 6, same: true},

		{name: "segment archived and back", steps: []step{{full: "S:s5"}, {patch: "S:s6x"}, {patch: "S:s7"}}, want: "S:s7", version: 7, changed: "S:s"},
		{name: "segment is not revived by its equal", steps: []step{{full: "S:s5"}, {patch: "S:s6x"}, {patch: "S:s6"}}, want: "S:s6x", version: 6, same: true},
		{name: "equal segment", steps: []step{{full: "S:s5"}, {patch: "S:s5"}}, want: "S:s5", version: 5, same: true},
		{name: "equal user tag", steps: []step{{full: "T:t5"}, {patch: "T:t5"}}, want: "T:t5", version: 5, same: true},
		{name: "user tag archived and back", steps: []step{{full: "T:t5"}, {patch: "T:t6x"}, {patch: "T:t7"}}, want: "T:t7", version: 7},

		{name: "two versions in a bootstrap", steps: []step{{bootstrap: "a5 a7 a6"}}, want: "a7", version: 7, unsynced: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source, reported := newSource()
			s := eval.NewSnapshot(source)
			var updates []uint64
			before, change := s, store.Change{}
			for _, step := range test.steps {
				before = s
				was := contents(t, before)
				s, change = step.apply(t, before, updates)
				updates = append(updates, s.Updates())
				if now := contents(t, before); now != was {
					t.Fatalf("the snapshot before an update has changed from %s to %s", was, now)
				}
			}
			if got := contents(t, s); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if s.Version() != test.version || s.Synced() == test.unsynced {
				t.Errorf("version %d, synced %v; want %d, %v", s.Version(), s.Synced(), test.version, !test.unsynced)
			}
			if (s == before) != test.same {
				t.Errorf("the same snapshot: %v, want %v", s == before, test.same)
			}
			if got := changeText(change); got != test.changed {
				t.Errorf("changed %q, want %q", got, test.changed)
			}
			reported.none(t)
		})
	}
}

func changeText(c store.Change) string {
	texts := slices.Clone(c.Flags)
	for _, id := range c.Segments {
		texts = append(texts, "S:"+id)
	}
	slices.SortFunc(texts, func(a, b string) int {
		if (len(a) > 1) != (len(b) > 1) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return strings.Join(texts, " ")
}

// TestFullCarriesCompiledFlagsOver: an environment in which one flag of many
// has changed is not compiled again.
func TestFullCarriesCompiledFlagsOver(t *testing.T) {
	t.Parallel()
	source, _ := newSource()
	decoded := 0
	decode := source.DecodeFlag
	source.DecodeFlag = func(raw []byte) (*model.Flag, error) {
		decoded++
		return decode(raw)
	}
	full := func(version int64) *store.Update {
		u := &store.Update{Full: true, Flags: []store.Item{item("changed", version, newFlag(served(fmt.Sprint(version))))}}
		for i := range 10 {
			u.Flags = append(u.Flags, item(fmt.Sprintf("flag-%d", i), 1, newFlag()))
		}
		return u
	}
	s, _ := eval.NewSnapshot(source).Apply(full(1), 0)
	if decoded != 0 {
		t.Errorf("%d flags decoded before one is used", decoded)
	}
	before := s.Flag("flag-1")
	old := s.Flag("changed")
	s, _ = s.Apply(full(2), s.Updates())
	if s.Flag("flag-1") != before || s.Flag("changed") == old || decoded != 3 {
		t.Errorf("%d flags decoded, expected 3", decoded)
	}
	if got := answer(s, "changed", user("u")); got != "2, fall through all rules" {
		t.Errorf("got %s", got)
	}
	s, _ = s.Apply(&store.Update{Flags: []store.Item{item("flag-2", 5, newFlag())}}, 0)
	if s.Flag("flag-1") != before {
		t.Error("a patch compiled a flag again that it does not have")
	}
}

// TestSameVersionOtherContent: the platform wrote an item anew in the same
// millisecond. What comes last replaces what is stored.
func TestSameVersionOtherContent(t *testing.T) {
	t.Parallel()
	for _, patch := range []bool{false, true} {
		source, _ := newSource()
		s, _ := eval.NewSnapshot(source).Apply(&store.Update{Full: true, Flags: []store.Item{item("a", 5, newFlag(served("one")))}}, 0)
		_ = answer(s, "a", user("u"))
		s, change := s.Apply(&store.Update{Full: !patch, Flags: []store.Item{item("a", 5, newFlag(served("two")))}}, s.Updates())
		if got := answer(s, "a", user("u")); got != "two, fall through all rules" || changeText(change) != "a" {
			t.Errorf("patch %v: got %s, changed %q", patch, got, changeText(change))
		}
	}
}

// TestTerms: what somebody has decided counts, whatever the versions.
func TestTerms(t *testing.T) {
	t.Parallel()
	set := func(keys ...string) store.ItemSet {
		set := make(store.ItemSet)
		for _, key := range keys {
			segment, isSegment := strings.CutPrefix(key, "S:")
			set[store.ItemID{Segment: isSegment, Key: segment}] = struct{}{}
		}
		return set
	}
	for _, test := range []struct {
		name   string
		update step
		terms  store.Terms
		want   string
	}{
		{"a full keeps what it has older or lacks", step{full: "a4 b7"}, store.Terms{Keep: set("a", "c", "S:s")}, "a5 b7 c9 S:s5"},
		{"a full does not add what is kept absent", step{full: "a6 b6 c9 d1 S:s5"}, store.Terms{Keep: set("d")}, "a6 b6 c9 S:s5"},
		{"a flag's name is no segment's", step{full: "a5 b5 c9"}, store.Terms{Keep: set("s")}, "a5 b5 c9"},
		{"a patch goes back", step{patch: "a4 c3 S:s4"}, store.Terms{Force: set("c", "S:s")}, "a5 b5 c3 S:s4"},
		{"a patch does not add what is kept absent", step{patch: "d7 e7"}, store.Terms{Keep: set("d")}, "a5 b5 c9 e7 S:s5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source, _ := newSource()
			s, _ := step{full: "a5 b5 c9 S:s5"}.apply(t, eval.NewSnapshot(source), nil)
			test.terms.Asked = s.Updates()
			u := test.update.update(t)
			s, _ = s.ApplyOn(u, s.Prepare(u), &test.terms)
			if got := contents(t, s); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			newest := int64(0)
			flags, segments, _ := s.Items()
			for _, it := range slices.Concat(flags, segments) {
				newest = max(newest, it.Version)
			}
			if s.Version() != newest {
				t.Errorf("version %d, want %d", s.Version(), newest)
			}
		})
	}
}

// TestSameVersionInOneMessage: of items with one key and one version, the first
// counts, so that the same message has the same effect each time.
func TestSameVersionInOneMessage(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{true, false} {
		source, _ := newSource()
		tag := func(raw string) store.Item { return store.Item{Key: "t", Version: 5, Raw: []byte(raw)} }
		s, _ := eval.NewSnapshot(source).Apply(&store.Update{
			Full:     full,
			Flags:    []store.Item{item("a", 5, newFlag(served("one"))), item("a", 5, newFlag(served("two")))},
			Segments: []store.Item{item("s", 5, model.Segment{Included: model.Texts("u")}), item("s", 5, model.Segment{})},
			Tags:     []store.Item{tag("one"), tag("two")},
		}, 0)
		if got := answer(s, "a", user("u")); got != "one, fall through all rules" {
			t.Errorf("full %v: got %s", full, got)
		}
		_, segments, tags := s.Items()
		if len(segments) != 1 || !strings.Contains(string(segments[0].Raw), "u") || len(tags) != 1 || string(tags[0].Raw) != "one" {
			t.Errorf("full %v: segments %v, tags %v", full, segments, tags)
		}
	}
}

// TestReadersSeeAllOfAnUpdateOrNothing hammers a snapshot that is replaced:
// two flags of one message always serve the same version.
func TestReadersSeeAllOfAnUpdateOrNothing(t *testing.T) {
	t.Parallel()
	source, reported := newSource()
	const versions = 300
	updateTo := func(version int64) *store.Update {
		value := served(fmt.Sprint(version))
		return &store.Update{Full: version%7 == 0, Flags: []store.Item{
			item("a", version, newFlag(value)),
			item("b", version, newFlag(value, requires("a"))),
			item("c", version, newFlag(value, when(inSegments("s")))),
		}, Segments: []store.Item{item("s", version, model.Segment{Included: model.Texts(fmt.Sprintf("u%d", version%2))})}}
	}
	s, _ := eval.NewSnapshot(source).Apply(updateTo(0), 0)
	var mu sync.Mutex
	current := func() *eval.Snapshot {
		mu.Lock()
		defer mu.Unlock()
		return s
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				s := current()
				a, want := answer(s, "a", user("u")), fmt.Sprintf("%d, fall through all rules", s.Version())
				b, trace := answerWithTrace(s, "b", user("u"))
				if a != want || b != want || !slices.Equal(trace, []string{"a: " + want}) {
					t.Errorf("version %d: got %s, %s, %q", s.Version(), a, b, trace)
					return
				}
				if got := answer(s, "c", user(fmt.Sprintf("u%d", s.Version()%2))); got != matched {
					t.Errorf("version %d: got %s", s.Version(), got)
					return
				}
				if s.Version() == versions {
					return
				}
			}
		})
	}
	for version := int64(1); version <= versions; version++ {
		next, _ := current().Apply(updateTo(version), current().Updates())
		mu.Lock()
		s = next
		mu.Unlock()
	}
	wg.Wait()
	reported.none(t)
}

// TestOldSnapshotsStay: a snapshot does not change after an update.
func TestOldSnapshotsStay(t *testing.T) {
	t.Parallel()
	source, _ := newSource()
	first, _ := eval.NewSnapshot(source).Apply(&store.Update{Full: true, Flags: []store.Item{
		item("a", 1, newFlag(served("one"))), item("b", 1, newFlag(requires("a"))),
	}}, 0)
	keys := first.Keys()
	second, _ := first.Apply(&store.Update{Flags: []store.Item{archived("a", 2), item("c", 2, newFlag())}}, 0)
	third, _ := second.Apply(&store.Update{Full: true, Flags: []store.Item{item("a", 3, newFlag(disabled))}}, second.Updates())
	for i := range 2 { // compiled late, and again
		if got := answer(first, "a", user("u")); got != "one, fall through all rules" {
			t.Errorf("first, time %d: %s", i, got)
		}
		if got := answer(first, "b", user("u")); got != onFallthrough {
			t.Errorf("first, time %d: %s", i, got)
		}
		if got := answer(second, "b", user("u")); got != offFailed {
			t.Errorf("second, time %d: %s", i, got)
		}
		if got := answer(third, "a", user("u")); got != offDisabled {
			t.Errorf("third, time %d: %s", i, got)
		}
	}
	if !slices.Equal(keys, []string{"a", "b"}) || !slices.Equal(first.Keys(), keys) ||
		!slices.Equal(second.Keys(), []string{"b", "c"}) || !slices.Equal(third.Keys(), []string{"a"}) {
		t.Errorf("keys %q, %q, %q", first.Keys(), second.Keys(), third.Keys())
	}
}

func TestKeysAreSorted(t *testing.T) {
	t.Parallel()
	source, _ := newSource()
	u := &store.Update{Full: true, Flags: []store.Item{archived("gone", 1)}}
	for i := range 300 {
		u.Flags = append(u.Flags, item(fmt.Sprint("flag-", i), 1, newFlag()))
	}
	s, _ := eval.NewSnapshot(source).Apply(u, 0)
	for range 2 {
		if keys := s.Keys(); len(keys) != 300 || !slices.IsSorted(keys) {
			t.Errorf("%d keys: %q", len(keys), keys)
		}
	}
}
