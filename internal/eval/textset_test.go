package eval

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestTextSet holds sets of all sizes around those where something changes
// against a search of the list.
func TestTextSet(t *testing.T) {
	t.Parallel()
	for _, keys := range testkit.Keys() {
		for _, size := range []int{0, 1, shortList, shortList + 1, 1000} {
			t.Run(fmt.Sprintf("%s/%d", keys.Name, size), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(2, uint64(size)))
				list := make([]string, size)
				first := make(map[string]int)
				for i := range list {
					list[i] = keys.Key(random.IntN(size)) // some more than once
					if _, ok := first[list[i]]; !ok {
						first[list[i]] = i
					}
				}
				set := newTextSet(model.Texts(list...))
				if set.empty() != (size == 0) {
					t.Error("it cannot tell whether it is empty")
				}
				for i := range 2*size + 1 {
					s := keys.Key(i)
					want, has := first[s]
					if !has {
						want = -1
					}
					if got := set.index(s); got != want || set.has(s) != has {
						t.Fatalf("%q is at %d, expected %d", s, got, want)
					}
				}
			})
		}
	}
}

// TestTextSetIsFast: the places of a set, of which at least half are free, are
// what keeps a search from looking at many of them.
func TestTextSetIsFast(t *testing.T) {
	t.Parallel()
	for _, size := range []int{shortList + 1, 15, 16, 17, 1000, 1024} {
		list := make([]string, size)
		for i := range list {
			list[i] = fmt.Sprint(i)
		}
		taken := 0
		set := newTextSet(model.Texts(list...))
		for _, place := range set.places {
			if place != 0 {
				taken++
			}
		}
		if taken != size || 2*taken > len(set.places) || len(set.places) > 4*size {
			t.Errorf("%d texts take %d of %d places", size, taken, len(set.places))
		}
		if clear(set.places); set.has(list[0]) {
			t.Errorf("a list of %d texts was searched", size)
		}
	}
}
