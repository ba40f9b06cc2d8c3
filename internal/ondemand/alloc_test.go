//go:build !race

package ondemand

import (
	"context"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// Refresh with fresh data allocates nothing. Not parallel: allocations of other
// tests would count.
func TestFreshDoesNotAllocate(t *testing.T) {
	s := newSource(t, nil)
	s.refreshed()
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _ = s.Refresh(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkFreshNoAlloc is Refresh while the data is fresh: what each unit of
// work pays. It has to be below 100 ns.
func BenchmarkFreshNoAlloc(b *testing.B) {
	r := New(Config{
		MaxAge: time.Hour, Budget: time.Minute, Timeout: time.Minute, Retry: &retry.Backoff{First: time.Second, Max: time.Minute},
		Fetch:  func(_ context.Context, commit Commit) error { return commit(func() (bool, error) { return true, nil }) },
		Failed: func(err error, _ bool) { b.Error(err) },
	})
	b.Cleanup(r.Close)
	ctx := b.Context()
	if err := r.Refresh(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Refresh(ctx)
	}
}
