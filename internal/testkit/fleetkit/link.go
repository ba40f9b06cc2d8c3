package fleetkit

import (
	"context"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Link is the connection of one replica to an engine. It can be cut and frozen.
type Link struct {
	fleet.Backend
	mu     sync.Mutex
	cut    bool
	frozen chan struct{} // closed when the replica thaws; nil is not frozen
}

// Gate waits while the replica is frozen, and fails if it is cut off or ctx has
// ended.
func (l *Link) Gate(ctx context.Context) error {
	l.mu.Lock()
	cut, frozen := l.cut, l.frozen
	l.mu.Unlock()
	if frozen != nil { // a frozen process sees no timeout
		<-frozen
	}
	if cut {
		return ErrDown
	}
	return ctx.Err()
}

// SetCut cuts the connection, or joins it again.
func (l *Link) SetCut(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = on
}

// Freeze freezes the replica.
func (l *Link) Freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen == nil {
		l.frozen = make(chan struct{})
	}
}

// Well reports whether the replica is neither cut off nor frozen.
func (l *Link) Well() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.cut && l.frozen == nil
}

// Thaw thaws the replica.
func (l *Link) Thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen != nil {
		close(l.frozen)
		l.frozen = nil
	}
}

// MaxValue implements fleet.Limiter.
func (l *Link) MaxValue() int { return MaxValue(l.Backend) }

// MaxValue returns the size of the largest value of a backend, in bytes; 0 is no
// limit.
func MaxValue(b fleet.Backend) int {
	if limiter, ok := b.(fleet.Limiter); ok {
		return limiter.MaxValue()
	}
	return 0
}

// Get implements fleet.Backend.
func (l *Link) Get(ctx context.Context, name string) ([]byte, string, error) {
	if err := l.Gate(ctx); err != nil {
		return nil, "", err
	}
	value, tag, err := l.Backend.Get(ctx, name)
	if err2 := l.Gate(ctx); err2 != nil {
		return nil, "", err2
	}
	return value, tag, err
}

// Put implements fleet.Backend.
func (l *Link) Put(ctx context.Context, name string, value []byte) error {
	if err := l.Gate(ctx); err != nil {
		return err
	}
	return l.Backend.Put(ctx, name, value)
}

// Swap implements fleet.Backend.
func (l *Link) Swap(ctx context.Context, name string, value []byte, tag string) (string, error) {
	if err := l.Gate(ctx); err != nil {
		return "", err
	}
	newTag, err := l.Backend.Swap(context.WithoutCancel(ctx), name, value, tag)
	if err2 := l.Gate(ctx); err2 != nil {
		return "", err2 // written, but the replica does not know
	}
	return newTag, err
}

// Delete implements fleet.Backend.
func (l *Link) Delete(ctx context.Context, name string) error {
	if err := l.Gate(ctx); err != nil {
		return err
	}
	return l.Backend.Delete(ctx, name)
}
