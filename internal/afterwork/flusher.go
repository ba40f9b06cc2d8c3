// Package afterwork decides when events are delivered that were recorded during
// units of work: requests, invocations. An endpoint that does not answer must
// not cost each unit of work time.
package afterwork

import (
	"context"
	"sync"
	"time"
)

// Flusher delivers events at the end of units of work, which wait for the
// delivery. Flush and Queued must be set; the methods may be called
// concurrently.
type Flusher struct {
	Flush  func(context.Context) error
	Queued func() uint64
	Rule   Rule

	pace       pace
	mu         sync.Mutex
	delivering bool
	again      bool // another caller came meanwhile
}

// Due reports whether there is something to deliver and the time for it has
// come.
func (f *Flusher) Due() bool { return f.pace.due(f.Queued(), f.Rule) }

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
	f.pace.begin()
	failure := true // also if Flush panics
	defer func() {
		f.pace.end(failure, true)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.delivering = false
		again = f.again && !failure
	}()
	failure = failed(f.Flush(ctx))
	return false
}
