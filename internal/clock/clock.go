// Package clock tells the age of things in processes that may have been frozen
// in between and on machines whose clock may be set.
package clock

import (
	"context"
	"sync"
	"time"
)

// Age is how long ago t was, as far as the clocks tell. t must come from
// time.Now.
func Age(t time.Time) time.Duration {
	now := time.Now()
	return age(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// age is the larger of what the monotonic clock and the wall clock say has
// passed. The monotonic clock can stop while a process is frozen; the
// wall clock can be set back, and when it is set forward an age is too large,
// which costs a refresh that was not needed yet.
func age(monotonic, wall time.Duration) time.Duration { return max(monotonic, wall, 0) }

const (
	// slice is how long a running timeout sleeps at most before it looks at the
	// clock.
	slice = time.Second
	// lateness is how much later than planned a timeout may wake up. If it wakes
	// up later than that the process was frozen.
	lateness = 100 * time.Millisecond
	// maxBreaks is how many times a stopwatch may be stopped for as long as a
	// timeout, and run again, before that timeout ends. An answer that has not
	// come by then is lost: its connection has died.
	maxBreaks = 4
)

// Stopwatch measures the time during which work is under way: it runs while Start
// has been called more often than Stop. Timeouts of contexts that carry a
// Stopwatch count only the time while it runs. The zero value is stopped. Its
// methods may be called concurrently.
type Stopwatch struct {
	mu        sync.Mutex
	starts    int // less stops
	stoppedAt time.Time
	timeouts  map[*timeout]struct{}
}

// timeout is a timeout that a stopwatch counts. The stopwatch's lock guards it.
type timeout struct {
	watch  *Stopwatch
	cancel context.CancelCauseFunc
	whole  time.Duration
	left   time.Duration
	since  time.Time     // when the timeout began, or counted on
	sleep  time.Duration // until the timer fires
	timer  *time.Timer
	still  time.Duration // for how long the stopwatch was stopped, since the last break
	breaks int           // how often that was as long as whole
	graced bool
}

type stopwatchKey struct{}

// Context returns a context that carries the stopwatch, for WithTimeout.
func (w *Stopwatch) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, stopwatchKey{}, w)
}

// WithTimeout is context.WithTimeout. If ctx carries a Stopwatch, only the time
// while it runs counts, and the time during which the process is frozen does
// not: what arrived meanwhile is read before the timeout ends. In that case the
// context has no deadline; after a timeout its error and cause are
// context.DeadlineExceeded, as usual.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	w, ok := ctx.Value(stopwatchKey{}).(*Stopwatch)
	if !ok {
		return context.WithTimeout(ctx, d)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	t := &timeout{watch: w, cancel: cancel, whole: d, left: d, since: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timeouts == nil {
		w.timeouts = make(map[*timeout]struct{})
	}
	w.timeouts[t] = struct{}{}
	if w.starts > 0 {
		t.resume()
	}
	return timed{ctx}, func() {
		t.end()
		cancel(nil)
	}
}

// timed is a context whose timeout a stopwatch counts.
type timed struct{ context.Context }

// Err implements context.Context.
func (t timed) Err() error {
	err := t.Context.Err()
	if err != nil && context.Cause(t.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

// Start lets the timeouts count until Stop is called.
func (w *Stopwatch) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starts++
	if w.starts > 1 {
		return
	}
	for t := range w.timeouts {
		if t.still += min(Age(w.stoppedAt), Age(t.since)); t.still >= t.whole {
			t.still = 0
			t.breaks++
		}
		if t.left < lateness && !t.graced { // read what arrived meanwhile, first
			t.left, t.graced = lateness, true
		}
		t.resume()
	}
}

// Stop ends what Start began. The last one stops the timeouts and their timers.
func (w *Stopwatch) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starts--
	if w.starts > 0 {
		return
	}
	w.stoppedAt = time.Now()
	for t := range w.timeouts {
		t.timer.Stop()
		t.count()
	}
}

// resume lets the timeout count on. The lock is held.
func (t *timeout) resume() {
	t.since, t.sleep = time.Now(), max(min(t.left, slice), 0)
	if t.lost() {
		t.sleep = 0
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(t.sleep, t.wake)
		return
	}
	t.timer.Reset(t.sleep)
}

// count counts the time since resume, unless the process was frozen. The lock is
// held.
func (t *timeout) count() {
	if passed := Age(t.since); passed <= t.sleep+lateness {
		t.left -= passed
	}
}

// wake is called by the timer.
func (t *timeout) wake() {
	t.watch.mu.Lock()
	_, waits := t.watch.timeouts[t]
	if !waits || t.watch.starts == 0 {
		t.watch.mu.Unlock()
		return
	}
	t.count()
	over := t.left <= 0 || t.lost()
	if !over {
		t.resume()
	}
	t.watch.mu.Unlock()
	if over {
		t.cancel(context.DeadlineExceeded)
	}
}

// lost reports whether there were too many breaks. The lock is held.
func (t *timeout) lost() bool { return t.breaks > maxBreaks }

// end forgets the timeout.
func (t *timeout) end() {
	t.watch.mu.Lock()
	defer t.watch.mu.Unlock()
	delete(t.watch.timeouts, t)
	if t.timer != nil {
		t.timer.Stop()
	}
}
