package lambda

import (
	"context"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/afterwork"
)

const (
	// heldFlush is how long a delivery may take while the caller waits.
	heldFlush = 2 * time.Second
	// freeFlush is how long a delivery may take when the caller has its response.
	// The time is billed, and the environment serves no other request meanwhile.
	freeFlush = 5 * time.Second
	// maxInvocation is the longest timeout that a function can have.
	maxInvocation = 15 * time.Minute
)

// wrapper serves invocations with a client. It has no state of a single invocation,
// because several may be under way.
type wrapper struct {
	settings
	client  *ffc.Client
	flusher afterwork.Flusher
	short   bool // the last delivery was cut because it had little time; only flush uses it
	calls   underWay
}

func newWrapper(client *ffc.Client, s settings) *wrapper {
	w := &wrapper{settings: s, client: client}
	w.flusher = afterwork.Flusher{
		Flush:  w.flush,
		Queued: func() uint64 { return client.Stats().Events.Queued },
		Rule:   afterwork.Rule{Every: s.every, Events: s.events},
	}
	return w
}

// begin begins an invocation and refreshes the data.
func (w *wrapper) begin(ctx context.Context) *response {
	r := &response{w: w, ctx: sooner{Context: ctx}}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(maxInvocation)
	}
	w.calls.begin(deadline)
	w.refresh(&r.ctx)
	return r
}

// refresh refreshes the data, if there is time.
func (w *wrapper) refresh(ctx *sooner) {
	left := w.left(ctx.Context)
	if left <= 0 {
		return
	}
	ctx.deadline = time.Now().Add(left)
	_ = w.client.Refresh(ctx) // Status reports the error
}

// sooner is a context with a deadline before that of the invocation. Transports
// use a part of the time until that deadline as their timeout. sooner has no timer:
// a timer would cost more than the whole refresh while the data is fresh.
type sooner struct {
	context.Context
	deadline time.Time
}

// Deadline implements context.Context.
func (s *sooner) Deadline() (time.Time, bool) { return s.deadline, true }

// deliver delivers events if a delivery is due, within the limit.
func (w *wrapper) deliver(ctx context.Context, limit time.Duration) {
	left := min(w.left(ctx), limit)
	if left <= 0 || !w.flusher.Due() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	defer cancel()
	w.flusher.Deliver(ctx)
}

// flush is the client's ForceFlush for the flusher, which backs off after a failure.
// A single delivery that was cut because it had little time is not a failure: the
// next one should deliver the remaining events at once. A delivery that had at least
// heldFlush and was cut is a failure: an endpoint that does not respond must not slow
// the next invocation as much.
func (w *wrapper) flush(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	little := time.Until(deadline) < heldFlush-time.Millisecond
	err := w.client.ForceFlush(ctx)
	before := w.short
	w.short = ctx.Err() != nil && little
	if w.short && !before {
		return nil
	}
	return err
}

// left returns how long a step that begins now may take.
func (w *wrapper) left(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return freeFlush
	}
	left := time.Until(deadline)
	margin := w.margin
	if margin < 0 {
		margin = max(100*time.Millisecond, left/20)
	}
	return left - margin
}
