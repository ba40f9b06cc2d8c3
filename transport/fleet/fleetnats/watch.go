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
	// watchBuffer is how many reports of changes may wait. More are dropped.
	watchBuffer = 8
)

// Watch implements fleet.Watcher. See WatchValue.
func (b *Backend) Watch(ctx context.Context, name string, changed func()) error {
	return b.WatchValue(ctx, name, func([]byte) { changed() })
}

// WatchValue implements fleet.ValueWatcher. It uses the connection of the other calls,
// and notices within 13 s that the server does not respond any more.
func (b *Backend) WatchValue(ctx context.Context, name string, changed func(value []byte)) error {
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
		changed(nil)
		tick := time.NewTicker(watchPing)
		defer tick.Stop()
		dropped := 0
		for {
			select {
			case m := <-changes:
				changed(valueOf(m))
				// What was dropped may be newer than what was not.
				if now, _ := s.Dropped(); now != dropped {
					dropped = now
					changed(nil)
				}
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

// valueOf returns the value in the report of a change; nil if it has none.
func valueOf(m *nats.Msg) []byte {
	if len(m.Data) == 0 {
		return nil
	}
	return m.Data
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
