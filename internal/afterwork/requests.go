package afterwork

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

// Requests delivers events while requests are running, on its own goroutine: no
// request waits for a delivery unless Hold is called. A delivery begins when a
// request begins, or while a request runs, and may end after the request. No
// delivery begins between requests, when the process may be frozen. The
// timeouts of a delivery count only the time while a request is running, or
// between Count and its stop.
//
// Flush and Queued must be set; the methods may be called concurrently.
type Requests struct {
	// Flush delivers until ctx ends, and so that little is under way when the time
	// within is over; 0 is no such time.
	Flush  func(ctx context.Context, within time.Duration) error
	Queued func() uint64

	pace     pace
	watch    clock.Stopwatch
	underWay atomic.Int64
	current  atomic.Pointer[delivery] // under way, or nil

	mu     sync.Mutex
	busy   bool // a request is running
	rule   Rule // of a running request
	look   *time.Timer
	closed bool
	cancel context.CancelCauseFunc // ends the current delivery
}

// delivery is one call of Flush, or two if more events were recorded meanwhile.
type delivery struct {
	began time.Time
	held  time.Time     // a request waits for it until then; zero if none does
	next  *delivery     // follows at once; the lock of Requests guards it
	done  chan struct{} // closed when it has ended
}

func newDelivery(held time.Time) *delivery {
	return &delivery{held: held, done: make(chan struct{})}
}

// within returns for how long a request waits for the delivery; 0 is that none
// does.
func (d *delivery) within() time.Duration {
	if d.held.IsZero() {
		return 0
	}
	return max(time.Until(d.held), 0)
}

// Begin begins a request. It starts a delivery if events are due by the rule.
func (r *Requests) Begin(rule Rule) {
	if r.underWay.Add(1) == 1 {
		r.change(rule)
	}
	r.deliver(rule)
}

// End ends a request.
func (r *Requests) End() {
	if r.underWay.Add(-1) == 0 {
		r.change(Rule{})
	}
}

// change follows a change between some and no running requests. Of concurrent
// changes, the last one sees the result of all.
func (r *Requests) change(rule Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	busy := r.underWay.Load() > 0
	if busy == r.busy || r.closed {
		return
	}
	r.busy = busy
	if !busy {
		r.watch.Stop()
		r.look.Stop()
		return
	}
	r.watch.Start()
	r.rule = rule
	r.lookLater()
}

// minLook and maxLook are the minimum and maximum time between two checks of
// the queue while requests run.
const (
	minLook = 100 * time.Millisecond
	maxLook = time.Second
)

// lookLater schedules a call of lookNow. The caller holds the lock.
func (r *Requests) lookLater() {
	after := maxLook
	if r.rule.Every >= 0 {
		after = min(max(r.rule.Every, minLook), maxLook)
	}
	if r.look == nil {
		r.look = time.AfterFunc(after, r.lookNow)
		return
	}
	r.look.Reset(after)
}

// lookNow starts a delivery if the events of long requests are due.
func (r *Requests) lookNow() {
	r.mu.Lock()
	if !r.busy || r.closed {
		r.mu.Unlock()
		return
	}
	rule := r.rule
	r.lookLater()
	r.mu.Unlock()
	r.deliver(rule)
}

// deliver starts a delivery if events are due.
func (r *Requests) deliver(rule Rule) {
	if r.current.Load() != nil || !r.pace.due(r.Queued(), rule) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current.Load() == nil && r.busy && !r.closed {
		r.start(time.Time{})
	}
}

// start starts a delivery that a request waits for until the time held, if that
// is not zero. The lock is held.
func (r *Requests) start(held time.Time) *delivery {
	d := newDelivery(held)
	d.began = time.Now()
	r.current.Store(d)
	ctx, cancel := context.WithCancelCause(context.Background())
	r.cancel = cancel
	go func() {
		defer cancel(nil)
		r.run(r.watch.Context(ctx), d)
	}()
	return d
}

// run delivers, and delivers again as long as events are due at the end of a
// delivery.
func (r *Requests) run(ctx context.Context, d *delivery) {
	for d != nil {
		r.pace.begin()
		err := r.Flush(ctx, d.within())
		r.pace.end(failed(err), false)
		d = r.follow(d)
	}
}

// follow ends a delivery and returns the one that follows, if there is one.
func (r *Requests) follow(d *delivery) *delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := d.next
	if r.closed || !r.busy || r.pace.pausing() || next == nil && !r.pace.due(r.Queued(), r.rule) {
		if next != nil {
			close(next.done)
		}
		next = nil
	} else if next == nil {
		next = newDelivery(time.Time{})
	}
	if next != nil {
		next.began = time.Now()
	}
	r.current.Store(next)
	close(d.done)
	return next
}

// Count makes the timeouts of the current delivery run until stop is called, as
// during a request. It begins no delivery.
func (r *Requests) Count() (stop func()) {
	r.watch.Start()
	return r.watch.Stop
}

// Hold waits until all events that were recorded before are delivered or their
// delivery has failed, but no longer than limit, and no longer than ctx. It does
// not wait for a delivery that has taken longer than limit. The caller is
// between Begin and End.
func (r *Requests) Hold(ctx context.Context, limit time.Duration) {
	if r.Queued() == 0 || r.pace.pausing() {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	wait := func(d *delivery, timeout <-chan time.Time) (done bool) {
		select {
		case <-d.done:
			return true
		case <-timeout:
		case <-ctx.Done():
		}
		return false
	}
	own, before := r.own(time.Now().Add(limit))
	if before != nil {
		late := time.NewTimer(limit - clock.Age(before.began))
		defer late.Stop()
		if !wait(before, late.C) {
			return
		}
	}
	if own != nil {
		wait(own, timer.C)
	}
}

// own returns the delivery for the events recorded so far, and the delivery that
// is running before it, if there is one. A request waits for it until the time
// held.
func (r *Requests) own(held time.Time) (own, before *delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.current.Load()
	switch {
	case r.closed:
		return nil, nil
	case before == nil:
		return r.start(held), nil
	case before.next == nil:
		before.next = newDelivery(held)
	}
	return before.next, before
}

// Close prevents further deliveries and waits for the current one. When ctx
// ends, Close cancels that delivery and returns a channel that is closed when
// the delivery has ended. It returns nil if no delivery is left.
func (r *Requests) Close(ctx context.Context) (ended <-chan struct{}) {
	r.mu.Lock()
	r.closed = true
	r.watch.Start() // time in Close counts like a request
	if r.look != nil {
		r.look.Stop()
	}
	d, cancel := r.current.Load(), r.cancel
	r.mu.Unlock()
	if d == nil {
		return nil
	}
	select {
	case <-d.done:
	case <-ctx.Done():
		cancel(context.Cause(ctx))
	}
	return d.done
}
