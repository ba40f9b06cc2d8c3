package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// onDemand is a session that reads on demand.
type onDemand struct {
	*session
	*ondemand.Refresher
}

var _ transport.Refresher = onDemand{}

// background is a session that reads in the background.
type background struct{ *session }

var _ transport.Runner = background{}

// rewatchIn is over how long readers spread when they watch again, after the
// engine has lost all of them.
const rewatchIn = 5 * time.Second

// Run implements transport.Runner.
func (b background) Run(ctx context.Context) {
	defer b.refresher.Close()
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := make(chan struct{}, 1)
	if b.Watch {
		for i, backend := range b.Backends {
			if canWatch(backend) {
				watching.Go(func() { b.watch(ctx, i, backend.(Watcher), changed) })
			}
		}
	}
	for b.refresher.Load(ctx) == nil {
		if retry.Sleep(ctx, retry.Shorten(b.Interval, 0.1), changed) {
			continue
		}
		// Changed, or ctx has ended, which ends this sleep, too.
		if !retry.Sleep(ctx, retry.Shorten(b.Spread, 1), nil) {
			return
		}
	}
}

// watch reports the changes of one backend, and watches again when that fails.
func (b background) watch(ctx context.Context, i int, w Watcher, changed chan<- struct{}) {
	logged := false
	for ctx.Err() == nil {
		err := contained(func() error {
			return watchValue(ctx, w, b.headName, func(value []byte) {
				b.reported[i].Store(nil)
				if value != nil {
					b.reported[i].Store(&value)
				}
				select {
				case changed <- struct{}{}:
				default: // there is a report already that the reader has not seen
				}
			})
		})
		if ctx.Err() != nil {
			return
		}
		if !logged {
			logged = true
			b.env.Logger.Warn("ffc: watching the engine failed; watching again; reading every Interval meanwhile",
				"backend", nameOf(w), "error", safelog.Error(err), "interval", b.Interval)
		}
		retry.Sleep(ctx, retry.Shorten(rewatchIn, 1), nil)
	}
}
