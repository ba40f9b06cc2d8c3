package fleetdata

import (
	"context"
	"errors"
	"sync"
)

// parallel is how many chunks are written or read at the same time.
const parallel = 16

// Each calls f for each chunk of a body, 0 to n-1, several at the same time.
// After an error it makes no further calls. It returns the first error, but an
// error of a canceled context only if there is no other: f may cancel the other
// calls.
func Each(n int, f func(i int) error) error {
	if n == 1 {
		return f(0)
	}
	var (
		mu    sync.Mutex
		first error
		next  int
	)
	var workers sync.WaitGroup
	for range min(n, parallel) {
		workers.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				stop := i >= n || first != nil
				mu.Unlock()
				if stop {
					return
				}
				if err := f(i); err != nil {
					mu.Lock()
					if first == nil || errors.Is(first, context.Canceled) {
						first = err
					}
					mu.Unlock()
					return
				}
			}
		})
	}
	workers.Wait()
	return first
}
