package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
)

// Split is a Backend that keeps the values that change in one engine and the
// bodies, which do not, in another: for example heads in DynamoDB and bodies in
// S3. Only Heads needs an atomic Swap. Split is a Watcher if Heads is. Its limit
// is that of Bodies, its beat that of Heads.
type Split struct{ Heads, Bodies Backend }

var (
	_ ValueWatcher = Split{}
	_ Limiter      = Split{}
	_ Pacer        = Split{}
)

// of returns the backend for a name.
func (s Split) of(name string) Backend {
	if fleetdata.IsBody(name) {
		return s.Bodies
	}
	return s.Heads
}

// Get implements Backend.
func (s Split) Get(ctx context.Context, name string) ([]byte, string, error) {
	return s.of(name).Get(ctx, name)
}

// Put implements Backend.
func (s Split) Put(ctx context.Context, name string, value []byte) error {
	return s.of(name).Put(ctx, name, value)
}

// Swap implements Backend.
func (s Split) Swap(ctx context.Context, name string, value []byte, tag string) (string, error) {
	return s.of(name).Swap(ctx, name, value, tag)
}

// Delete implements Backend.
func (s Split) Delete(ctx context.Context, name string) error {
	return s.of(name).Delete(ctx, name)
}

// Watch implements Watcher. It fails at once if Heads is no Watcher.
func (s Split) Watch(ctx context.Context, name string, changed func()) error {
	return s.WatchValue(ctx, name, func([]byte) { changed() })
}

// WatchValue implements ValueWatcher. Without a value, changed gets nil.
func (s Split) WatchValue(ctx context.Context, name string, changed func(value []byte)) error {
	if w, ok := s.Heads.(Watcher); ok {
		return watchValue(ctx, w, name, changed)
	}
	return fmt.Errorf("fleet: %s cannot watch: %w", nameOf(s.Heads), errors.ErrUnsupported)
}

// MaxValue implements Limiter.
func (s Split) MaxValue() int {
	if limiter, ok := s.Bodies.(Limiter); ok {
		return limiter.MaxValue()
	}
	return 0
}

// Beat implements Pacer. It returns 0, the usual default, if Heads is no Pacer.
func (s Split) Beat() time.Duration {
	if p, ok := s.Heads.(Pacer); ok {
		return p.Beat()
	}
	return 0
}

// String names both backends.
func (s Split) String() string { return nameOf(s.Heads) + " and " + nameOf(s.Bodies) }

// watchValue watches with values if the backend can.
func watchValue(ctx context.Context, w Watcher, name string, changed func(value []byte)) error {
	if v, ok := w.(ValueWatcher); ok {
		return v.WatchValue(ctx, name, changed)
	}
	return w.Watch(ctx, name, func() { changed(nil) })
}

// canWatch reports whether the Watch method of a backend can work.
func canWatch(b Backend) bool {
	if split, ok := b.(Split); ok {
		return canWatch(split.Heads)
	}
	_, ok := b.(Watcher)
	return ok
}
