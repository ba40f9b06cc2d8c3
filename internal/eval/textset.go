package eval

import (
	"math/bits"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// textSet finds texts in a list. It is immutable.
type textSet struct {
	list model.List
	// places is an open-addressing hash table of the indexes of the list, plus
	// one. At least half of it is empty. A short list has no table: a linear
	// search is faster.
	places []uint32
}

// shortList is the largest number of texts for which a linear search is faster.
const shortList = 4

// newTextSet keeps the list, which must not change afterwards.
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

// place returns the entry of a text in places. It is 0 if the text is missing.
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

// index returns the index of a text in the list, the first of several, or -1.
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
