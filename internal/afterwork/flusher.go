// Package afterwork decides when to deliver events that were recorded during
// units of work: requests and invocations. If the endpoint does not respond,
// not every unit of work may wait for it.
package afterwork

import (
	"context"
	"sync"
	"time"
)

// Flusher delivers events at the end of units of work. They wait for the
// delivery. Flush and Queued must be set; the methods may be called
// concurrently.
type Flusher struct {
	Flush  func(context.Context) error
	Queued func() uint64
	Rule   Rule

	pace       pace
	mu         sync.Mutex
	delivering bool
	again      bool // another caller arrived meanwhile
}

// Due reports whether there are events to deliver and a delivery is due.
func (f *Flusher) Due() bool { return f.pace.due(f.Queued(), f.Rule) }

// Deliver delivers the queued events if a delivery is due. ctx must have a
// deadline. Only one caller delivers at a time. Callers that arrive meanwhile
// return at once; the first caller also delivers their events if its time
// allows. Events that remain queued are delivered after a later unit of work.
func (f *Flusher) Deliver(ctx context.Context) {
	for f.begin() {
		began := time.Now()
		again := f.deliver(ctx)
		if deadline, ok := ctx.Deadline(); !again || ok && time.Until(deadline) < time.Since(began) {
			return // a delivery that is cut short would look like a failed one
		}
	}
}

// begin reports whether the caller has to deliver now.
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
