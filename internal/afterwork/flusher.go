// Package afterwork decides when events are delivered that were recorded during
// units of work: requests, invocations. Delivery takes time of theirs, so an
// endpoint that does not answer must not cost each of them.
package afterwork

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

const (
	// firstPause and maxPause bound the time after a failed delivery in which
	// none is tried. It doubles with each further failure.
	firstPause = time.Second
	maxPause   = time.Minute
)

// Flusher delivers events at the end of units of work. The functions must be
// set; the methods may be called concurrently.
type Flusher struct {
	Flush  func(context.Context) error
	Queued func() uint64
	// Every and Events let events of several units of work gather: they are
	// delivered when the last delivery was that long ago or when there are
	// that many. Zeros are: always.
	Every  time.Duration
	Events uint64

	mu         sync.Mutex
	delivering bool
	again      bool      // somebody came meanwhile
	last       time.Time // of a delivery; zero is never
	failed     bool
	pause      time.Duration // after last, if it failed
	failures   uint
}

// Due reports whether there is something to deliver and the time for it has
// come.
func (f *Flusher) Due() bool {
	queued := f.Queued()
	if queued == 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed {
		return clock.Age(f.last) >= f.pause
	}
	return f.Events > 0 && queued >= f.Events || clock.Age(f.last) >= f.Every
}

// Deliver delivers what is queued if it is due, within ctx, which needs a
// deadline. Only one caller does so at a time; those who come meanwhile return
// at once, and it delivers for them as well if its time allows. What stays
// queued is delivered after a later unit of work.
func (f *Flusher) Deliver(ctx context.Context) {
	for f.begin() {
		began := time.Now()
		again := f.deliver(ctx)
		if deadline, ok := ctx.Deadline(); !again || ok && time.Until(deadline) < time.Since(began) {
			return // a delivery that is cut short would pass for a failed one
		}
	}
}

// begin reports whether the caller is to deliver now.
func (f *Flusher) begin() bool {
	if !f.Due() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.again = f.delivering
	if f.delivering {
		return false
	}
	f.delivering = true
	return true
}

// deliver delivers once and reports whether to do so again at once.
func (f *Flusher) deliver(ctx context.Context) (again bool) {
	failed := true // also if Flush panics
	defer func() { again = f.end(failed) }()
	err, kept := f.Flush(ctx), (*flush.Error)(nil)
	failed = errors.As(err, &kept) && kept.Retained > 0 && kept.Delivered == 0 && !errors.Is(err, flush.ErrRejected)
	return false
}

// end notes the outcome of a delivery.
func (f *Flusher) end(failed bool) (again bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last, f.failed, f.delivering = time.Now(), failed, false
	if !failed {
		f.failures = 0
		return f.again
	}
	f.pause = maxPause
	if firstPause <= maxPause>>f.failures { // a shift to the left may overflow
		f.pause = firstPause << f.failures
	}
	f.failures++
	f.pause -= time.Duration(rand.Float64() * float64(f.pause) / 2)
	return false
}
