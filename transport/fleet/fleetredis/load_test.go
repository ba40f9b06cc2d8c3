package fleetredis_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// load is readers of a head.
type load struct {
	testing.TB
	reads  atomic.Int64
	cancel context.CancelFunc
	ended  chan error
}

// underLoad reads the head of "env" until end is called.
func underLoad(t testing.TB, b *fleetredis.Backend) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(testkit.Timeout(t, time.Minute))
	t.Cleanup(cancel)
	l := &load{TB: t, cancel: cancel, ended: make(chan error, 8)}
	for range cap(l.ended) {
		go func() {
			for ctx.Err() == nil {
				if _, _, err := b.Get(ctx, "env/head"); err != nil && ctx.Err() == nil {
					l.ended <- err
					return
				}
				l.reads.Add(1)
			}
			l.ended <- nil
		}()
	}
	return l
}

// goesOn waits until each reader has read again.
func (l *load) goesOn() {
	l.Helper()
	seen := l.reads.Load()
	testkit.Eventually(l, "reads go on", func() bool { return l.reads.Load() > seen+int64(cap(l.ended)) || len(l.ended) > 0 })
}

// end ends the readers, and fails if a read failed.
func (l *load) end() {
	l.Helper()
	l.cancel()
	for range cap(l.ended) {
		if err := <-l.ended; err != nil {
			l.Errorf("a read failed: %v", err)
		}
	}
}
