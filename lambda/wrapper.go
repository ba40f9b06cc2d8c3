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
	// freeFlush is how long it may take when the caller has its answer. The
	// time is billed, and the environment serves no other request meanwhile.
	freeFlush = 5 * time.Second
	// maxInvocation is the longest timeout that a function can have.
	maxInvocation = 15 * time.Minute
)

// wrapper serves invocations with a client. It knows of none: several may be
// under way.
type wrapper struct {
	settings
	client  *ffc.Client
	flusher afterwork.Flusher
	short   bool // the last delivery was cut because it had little time; for the one that delivers
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

// begin begins an invocation: with data that is up to date.
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

// refresh brings the data up to date.
func (w *wrapper) refresh(ctx *sooner) {
	left := w.left(ctx.Context)
	if left <= 0 {
		return
	}
	ctx.deadline = time.Now().Add(left)
	_ = w.client.Refresh(ctx) // the client's status tells what is wrong
}

// sooner is a context with a deadline before that of the invocation. Transports
// allow themselves a part of what is left until then. A timer would cost more
// than all the rest where the data is young.
type sooner struct {
	context.Context
	deadline time.Time
}

// Deadline implements context.Context.
func (s *sooner) Deadline() (time.Time, bool) { return s.deadline, true }

// deliver delivers events if it is time, which takes no longer than most.
func (w *wrapper) deliver(ctx context.Context, most time.Duration) {
	left := min(w.left(ctx), most)
	if left <= 0 || !w.flusher.Due() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	defer cancel()
	w.flusher.Deliver(ctx)
}

// flush is the client's ForceFlush for the flusher, which makes a pause after a
// failure. One delivery that was cut because it had little time is no failure:
// the next one is to deliver what it left. A delivery that had the time of
// heldFlush and was cut is a failure: an endpoint that does not answer must not
// cost the next invocation as much.
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

// left returns how long a step may take that begins now.
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
