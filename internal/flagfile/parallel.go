package flagfile

import (
	"runtime"
	"sync"
)

// InParallel calls f for 0 to n-1, on all processors.
func InParallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n/100+1)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				f(i)
			}
		})
	}
	wait.Wait()
}
