package fleetdata

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachCallsForEachChunk(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, parallel, 3*parallel + 1} {
		synctest.Test(t, func(t *testing.T) {
			calls := make([]int, n)
			began := time.Now()
			err := Each(n, func(i int) error {
				calls[i]++
				time.Sleep(time.Second)
				return nil
			})
			turns := (n + parallel - 1) / parallel
			if took := time.Since(began); err != nil || took != time.Duration(turns)*time.Second {
				t.Errorf("%d chunks: error %v after %v, want none after %d turns", n, err, took, turns)
			}
			if slices.ContainsFunc(calls, func(n int) bool { return n != 1 }) {
				t.Errorf("%d chunks: calls %v", n, calls)
			}
		})
	}
}

// An error ends the calls. The error that made f cancel the others is returned,
// whichever returns first.
func TestEachReturnsTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, n := range []int{1, 2, 100} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var calls atomic.Int32
			err := Each(n, func(i int) error {
				calls.Add(1)
				if i == 0 {
					time.Sleep(time.Second)
					cancel()
					synctest.Wait() // the others have returned
					return cause
				}
				<-ctx.Done()
				return fmt.Errorf("reading: %w", context.Cause(ctx))
			})
			if !errors.Is(err, cause) || int(calls.Load()) > parallel {
				t.Errorf("%d chunks: error %v after %d calls", n, err, calls.Load())
			}
		})
	}
	canceled := func(int) error { return context.Canceled }
	if err := Each(3, canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}
