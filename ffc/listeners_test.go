package ffc

import (
	"fmt"
	"slices"
	"testing"
)

// TestBlockedListener: what a listener that does not return misses is bounded by
// the number of flags, and is merged now and then instead of with each change.
func TestBlockedListener(t *testing.T) {
	t.Parallel()
	block, told := make(chan struct{}), make(chan []string, 1)
	merged := 0
	b := &mailbox{
		call: func(keys []string) { <-block; told <- keys },
		merge: func(lists [][]string) []string {
			for _, keys := range lists {
				merged += len(keys)
			}
			return mergeKeys(lists)
		},
	}
	const flags, rounds = 1000, 50
	var want []string
	for i := range flags * rounds {
		key := fmt.Sprintf("flag-%04d", i%flags)
		if i < flags {
			want = append(want, key)
		}
		b.put([]string{key})
		b.mu.Lock()
		n := len(b.waiting)
		b.mu.Unlock()
		if n > maxWaiting {
			t.Fatalf("%d values wait", n)
		}
	}
	if most := flags * rounds * (2 + flags/maxWaiting); merged > most {
		t.Errorf("%d keys were merged, want at most %d", merged, most)
	}
	block <- struct{}{}
	<-told // what it was called with first
	block <- struct{}{}
	if got := <-told; !slices.Equal(got, want) {
		t.Errorf("the listener got %d keys, want %d", len(got), len(want))
	}
}
