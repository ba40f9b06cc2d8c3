package fleetkit

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Load is readers of a head.
type Load struct {
	testing.TB
	reads  [8]atomic.Int64 // of each reader
	cancel context.CancelFunc
	ended  chan error
}

// UnderLoad reads the head of "env" until End is called.
func UnderLoad(t testing.TB, b fleet.Backend) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(testkit.Timeout(t, time.Minute))
	t.Cleanup(cancel)
	l := &Load{TB: t, cancel: cancel}
	l.ended = make(chan error, len(l.reads))
	for i := range l.reads {
		go func() {
			for ctx.Err() == nil {
				if _, _, err := b.Get(ctx, "env/head"); err != nil && ctx.Err() == nil {
					l.ended <- err
					return
				}
				l.reads[i].Add(1)
			}
			l.ended <- nil
		}()
	}
	return l
}

// GoesOn waits until each reader has ended a read that it began after this call.
func (l *Load) GoesOn() {
	l.Helper()
	var seen [len(l.reads)]int64
	for i := range seen {
		seen[i] = l.reads[i].Load()
	}
	testkit.Eventually(l, "reads go on", func() bool {
		for i := range seen {
			if l.reads[i].Load() < seen[i]+2 && len(l.ended) == 0 { // one was under way
				return false
			}
		}
		return true
	})
}

// End ends the readers, and fails if a read failed.
func (l *Load) End() {
	l.Helper()
	l.cancel()
	for range cap(l.ended) {
		if err := <-l.ended; err != nil {
			l.Errorf("a read failed: %v", err)
		}
	}
}
