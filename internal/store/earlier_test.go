package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRepeatedFull: a full update has the same effect whether or not the index has
// its keys in its order, after all kinds of updates.
func TestRepeatedFull(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	fast := 0
	for round := range 50 {
		ix := index{}
		items := make([]Item, random.IntN(200))
		for i := range items {
			items[i] = Item{Key: fmt.Sprint("key-", i), Version: 1, Raw: []byte("{}"), Alone: i%7 != 0}
		}
		terms := Terms{}
		for range 10 {
			terms.Arrived++
			terms.Asked = terms.Arrived - 1 - min(terms.Arrived-1, uint64(random.IntN(3)))
			slow := ix
			slow.entries = nil
			got, gotChanged := replaced(&ix, items, 9, &terms, false)
			want, wantChanged := replaced(&slow, items, 9, &terms, false)
			checkSame(t, &got, &want)
			if !slices.Equal(gotChanged, wantChanged) {
				t.Fatalf("round %d: changed %q, want %q", round, gotChanged, wantChanged)
			}
			if _, _, ok := ix.repeatedBy(items, &terms); ok {
				fast++
			}
			ix = got
			items = slices.Clone(items)
			switch random.IntN(10) {
			case 0:
				random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
			case 1:
				items = append(items, Item{Key: fmt.Sprint("new-", terms.Arrived), Version: 2, Raw: []byte("{}")})
			case 2:
				if len(items) > 0 {
					items = append(items, items[0])
				}
			case 3:
				if len(items) > 0 {
					at := random.IntN(len(items))
					items = slices.Delete(items, at, at+1)
				}
			case 4:
				if len(items) > 0 {
					terms.Arrived++
					e := &entry{Item: items[random.IntN(len(items))], arrived: terms.Arrived}
					e.Version += int64(random.IntN(2))
					ix = ix.with([]*entry{e})
				}
			}
			for i := range items {
				switch random.IntN(50) {
				case 0:
					items[i].Version += int64(random.IntN(3)) - 1
				case 1:
					items[i].Raw = fmt.Appendf(nil, `{"a":%d}`, random.IntN(3))
				case 2:
					items[i].Alone = !items[i].Alone
				}
			}
		}
	}
	if fast < 50 {
		t.Errorf("only %d full updates have repeated what there was", fast)
	}
}

func checkSame(t *testing.T, got, want *index) {
	t.Helper()
	if got.count != want.count {
		t.Fatalf("%d entries, want %d", got.count, want.count)
	}
	for e := range want.all {
		if other := got.get(e.Key); other == nil || fmt.Sprint(other.Item) != fmt.Sprint(e.Item) || other.arrived != e.arrived {
			t.Fatalf("got %+v, want %+v", other, e)
		}
	}
	referring := func(ix *index) []string {
		keys := make(map[string]bool)
		for _, e := range ix.referring {
			if keys[e.Key] || ix.get(e.Key) != e {
				t.Fatalf("%q is twice among those that refer to others, or replaced", e.Key)
			}
			keys[e.Key] = true
		}
		return slices.Sorted(maps.Keys(keys))
	}
	if got, want := referring(got), referring(want); !slices.Equal(got, want) {
		t.Fatalf("%q refer to others, want %q", got, want)
	}
	for i, p := range got.parts { // where the keys are there is chance, for so few
		if 2*p.count > len(p.places) {
			t.Fatalf("part %d has %d entries in %d places", i, p.count, len(p.places))
		}
	}
}
