package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestIndex holds indexes against plain maps, by random operations.
func TestIndex(t *testing.T) {
	t.Parallel()
	for _, keys := range testkit.Keys() {
		for _, size := range []int{1, 7, 128, 129, 1000, 5000} {
			t.Run(fmt.Sprintf("%s/%d", keys.Name, size), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(1, uint64(size)))
				want := make(map[string]*entry)
				newEntry := func(i int) *entry {
					return &entry{Item: Item{Key: keys.Key(i), Version: random.Int64()}}
				}
				ix := newIndex(size / 2)
				for range size / 2 {
					e := newEntry(random.IntN(size))
					ix.put(e)
					want[e.Key] = e
				}
				for range 8 {
					before, wantBefore := ix, maps.Clone(want)
					batch := make(map[string]*entry)
					for range 1 + random.IntN(1+size/10) {
						e := newEntry(random.IntN(size))
						batch[e.Key] = e
					}
					var list []*entry
					for _, e := range batch {
						list = append(list, e)
						want[e.Key] = e
					}
					ix = ix.with(list)
					checkIndex(t, &ix, want, keys.Key, size)
					checkIndex(t, &before, wantBefore, keys.Key, size)
				}
			})
		}
	}
}

func checkIndex(t *testing.T, ix *index, want map[string]*entry, key func(int) string, size int) {
	t.Helper()
	if ix.count != len(want) {
		t.Fatalf("count %d, want %d", ix.count, len(want))
	}
	for i := range size + 1 { // the last is never there
		if k := key(i); ix.get(k) != want[k] {
			t.Fatalf("%q: got %v, want %v", k, ix.get(k), want[k])
		}
	}
	seen := make(map[string]bool)
	for e := range ix.all {
		if want[e.Key] != e || seen[e.Key] {
			t.Fatalf("all: %v, seen %v", e, seen[e.Key])
		}
		seen[e.Key] = true
	}
	if len(seen) != len(want) {
		t.Fatalf("all yields %d of %d", len(seen), len(want))
	}
}

func TestZeroIndex(t *testing.T) {
	t.Parallel()
	var ix index
	if ix.get("a") != nil || ix.get("") != nil {
		t.Error("it has something")
	}
	for e := range ix.all {
		t.Errorf("it yields %v", e)
	}
	if empty := ix.with(nil); empty.count != 0 || empty.get("a") != nil {
		t.Error("with nothing it has something")
	}
	e := &entry{Item: Item{Key: ""}}
	if next := ix.with([]*entry{e}); next.get("") != e || next.count != 1 || ix.get("") != nil {
		t.Error("the empty key is not kept apart")
	}
}

func TestIndexStopsEarly(t *testing.T) {
	t.Parallel()
	ix := newIndex(300)
	for i := range 300 {
		ix.put(&entry{Item: Item{Key: fmt.Sprint(i)}})
	}
	count := 0
	for range ix.all {
		if count++; count == 5 {
			break
		}
	}
	if count != 5 {
		t.Errorf("%d yielded", count)
	}
}

// TestIndexHasRoom: however an index came about, half of the places of each of
// its parts are free, entries are near to where they should be, and a patch
// copies one part.
func TestIndexHasRoom(t *testing.T) {
	t.Parallel()
	for _, keys := range testkit.Keys() {
		t.Run(keys.Name, func(t *testing.T) {
			t.Parallel()
			const size = 10_000
			entries := make([]*entry, size)
			for i := range entries {
				entries[i] = &entry{Item: Item{Key: keys.Key(i)}}
			}
			var zero index
			built := zero.with(entries)
			checkRoom(t, &built)
			grown := newIndex(0)
			for _, e := range entries {
				grown.put(e)
			}
			checkRoom(t, &grown)

			patched := built.with([]*entry{{Item: entries[0].Item}})
			copied := 0
			for i := range patched.parts {
				if &patched.parts[i].places[0] != &built.parts[i].places[0] {
					copied++
				}
			}
			if copied != 1 || len(built.parts) < size/partSize {
				t.Errorf("%d of %d parts were copied", copied, len(built.parts))
			}
		})
	}
}

func checkRoom(t *testing.T, ix *index) {
	t.Helper()
	looks := 0
	for i, p := range ix.parts {
		if 2*p.count > len(p.places) {
			t.Errorf("part %d has %d entries in %d places", i, p.count, len(p.places))
		}
		if len(ix.parts) > 1 && p.count > 3*partSize {
			t.Errorf("part %d has %d entries, expected about %d", i, p.count, ix.count/len(ix.parts))
		}
		for place, e := range p.places {
			if e != nil {
				looks += 1 + (place-int(Hash(e.Key)))&(len(p.places)-1)
			}
		}
	}
	if looks > 2*ix.count {
		t.Errorf("%d entries are found with %d looks", ix.count, looks)
	}
}
