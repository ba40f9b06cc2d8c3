package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// refresher is a session that reads on demand.
type refresher struct{ *session }

var (
	_ transport.Refresher = (*refresher)(nil)
	_ transport.Sourced   = (*refresher)(nil)
)

// Load implements transport.Refresher.
func (r *refresher) Load(ctx context.Context) error { return r.session.refresher.Load(ctx) }

// Refresh implements transport.Refresher.
func (r *refresher) Refresh(ctx context.Context) error { return r.session.refresher.Refresh(ctx) }

// Close implements transport.Refresher.
func (r *refresher) Close() { r.session.refresher.Close() }

// runner is a session that reads in the background.
type runner struct{ *session }

var (
	_ transport.Runner  = (*runner)(nil)
	_ transport.Sourced = (*runner)(nil)
)

// rewatchIn is over how long readers spread when they watch again, after the
// engine has lost all of them.
const rewatchIn = 5 * time.Second

// Run implements transport.Runner.
func (r *runner) Run(ctx context.Context) {
	defer r.refresher.Close()
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := make(chan struct{}, 1)
	if r.Watch {
		for _, b := range r.Backends {
			if canWatch(b) {
				watching.Go(func() { r.watch(ctx, b.(Watcher), changed) })
			}
		}
	}
	for r.refresher.Load(ctx) == nil {
		if retry.Sleep(ctx, retry.Shorten(r.Interval, 0.1), changed) {
			continue
		}
		// Changed, or ctx has ended, which ends this sleep, too.
		if !retry.Sleep(ctx, retry.Shorten(r.Spread, 1), nil) {
			return
		}
	}
}

// watch reports the changes of one backend, and watches again when that fails.
func (r *runner) watch(ctx context.Context, w Watcher, changed chan<- struct{}) {
	logged := false
	for ctx.Err() == nil {
		err := w.Watch(ctx, r.headName, func() {
			select {
			case changed <- struct{}{}:
			default: // there is a report already that the reader has not seen
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !logged {
			logged = true
			r.env.Logger.Warn("ffc: watching the engine failed; watching again; reading every Interval meanwhile",
				"backend", nameOf(w), "error", safelog.Error(err), "interval", r.Interval)
		}
		retry.Sleep(ctx, retry.Shorten(rewatchIn, 1), nil)
	}
}
