package fleetnats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// watchPing is how often Watch pings the server.
	watchPing = 10 * time.Second
	// watchBuffer is how many reports of changes may wait. More are dropped: one is
	// enough.
	watchBuffer = 8
)

// Watch implements fleet.Watcher. It uses the connection of the other calls, and
// notices within 13 s that the server does not respond any more.
func (b *Backend) Watch(ctx context.Context, name string, changed func()) error {
	subject := b.changed(name)
	return b.try(ctx, []string{subject}, func(inner context.Context, l *connection) error {
		changes := make(chan *nats.Msg, watchBuffer)
		s, err := l.nc.ChanSubscribe(subject, changes)
		if err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		defer s.Unsubscribe() //nolint:errcheck // it is that the connection has ended
		if err := b.ping(inner, l); err != nil {
			return err
		}
		changed()
		tick := time.NewTicker(watchPing)
		defer tick.Stop()
		for {
			select {
			case <-changes:
				changed()
			case <-tick.C:
				if err := b.ping(inner, l); err != nil {
					return err
				}
			case <-inner.Done():
				return context.Cause(inner)
			}
		}
	})
}

// ping waits until the server has responded to all that was sent before.
func (c *connector) ping(inner context.Context, l *connection) error {
	ctx, cancel := context.WithTimeout(inner, pingTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- l.nc.FlushWithContext(ctx) }()
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
	case <-ctx.Done():
	}
	if inner.Err() != nil {
		return context.Cause(inner)
	}
	c.discard(l)
	return errSilent
}
