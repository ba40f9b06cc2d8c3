package eval

import (
	"math/bits"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// textSet finds texts in a list. It does not change.
type textSet struct {
	list model.List
	// places has the indexes of the list, plus one, where the hashes of the
	// texts say or in the next place that was free; at least half are. A short
	// list has none: looking at all of it is faster.
	places []uint32
}

// shortList is up to where looking at all of a list is faster.
const shortList = 4

// newTextSet keeps the list, which does not change from now on.
func newTextSet(list model.List) textSet {
	t := textSet{list: list}
	if list.Len() <= shortList {
		return t
	}
	t.places = make([]uint32, 1<<bits.Len(uint(2*list.Len()-1)))
	for i := range list.Ends {
		if place := t.place(list.At(i)); *place == 0 {
			*place = uint32(i + 1)
		}
	}
	return t
}

// place is where the index of a text is or, if that is 0, would be.
func (t *textSet) place(s string) *uint32 {
	for at := int(store.Hash(s)); ; at++ {
		place := &t.places[at&(len(t.places)-1)]
		if *place == 0 || t.list.At(int(*place-1)) == s {
			return place
		}
	}
}

func (t *textSet) empty() bool { return t.list.Len() == 0 }

func (t *textSet) has(s string) bool { return t.index(s) >= 0 }

// index is where a text is in the list, the first of several, or -1.
func (t *textSet) index(s string) int {
	if len(t.places) > 0 {
		return int(*t.place(s)) - 1
	}
	start := uint32(0)
	for i, end := range t.list.Ends {
		if t.list.Text[start:end] == s {
			return i
		}
		start = end
	}
	return -1
}
