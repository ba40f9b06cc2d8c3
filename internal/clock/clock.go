// Package clock measures ages and timeouts in processes that may be frozen, and
// on machines whose clock may be set.
package clock

import (
	"context"
	"sync"
	"time"
)

// Age returns the time since t, which must come from time.Now.
func Age(t time.Time) time.Duration {
	now := time.Now()
	return age(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// age returns the larger of the times that have passed on the monotonic clock
// and on the wall clock. The monotonic clock can stop while a process is
// frozen. The wall clock can be set back. If it is set forward, the age is too
// large, which costs only an early refresh.
func age(monotonic, wall time.Duration) time.Duration { return max(monotonic, wall, 0) }

const (
	// slice is the maximum time that a running timeout sleeps before it reads
	// the clock.
	slice = time.Second
	// lateness is how much later than planned a timeout may wake up. If it wakes
	// up even later, the process was frozen.
	lateness = 100 * time.Millisecond
	// maxBreaks is how many times a stopwatch may stop for as long as a
	// timeout, and run again, before that timeout ends. A response that has not
	// arrived by then is lost: its connection is dead.
	maxBreaks = 4
)

// Stopwatch measures the time during which work is under way: it runs while Start
// has been called more often than Stop. Timeouts of contexts that carry a
// Stopwatch count only the time while it runs. The zero value is stopped. Its
// methods may be called concurrently.
type Stopwatch struct {
	mu        sync.Mutex
	starts    int // number of calls of Start, less those of Stop
	stoppedAt time.Time
	timeouts  map[*timeout]struct{}
}

// timeout is a timeout that a stopwatch counts. The stopwatch's lock guards it.
type timeout struct {
	watch  *Stopwatch
	cancel context.CancelCauseFunc
	whole  time.Duration
	left   time.Duration
	since  time.Time     // when the timeout began, or resumed
	sleep  time.Duration // until the timer fires
	timer  *time.Timer
	still  time.Duration // how long the stopwatch was stopped since the last break
	breaks int           // how often still reached whole
	graced bool
}

type stopwatchKey struct{}

// Context returns a context that carries the stopwatch, for WithTimeout.
func (w *Stopwatch) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, stopwatchKey{}, w)
}

// WithTimeout is context.WithTimeout. If ctx carries a Stopwatch, only the time
// while it runs counts. The time during which the process is frozen does not
// count, so that data that arrived meanwhile is read before the timeout ends.
// In that case the context has no deadline. After a timeout its error and cause
// are context.DeadlineExceeded, as usual.
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

// Start makes the timeouts run until Stop is called.
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
		if t.left < lateness && !t.graced { // first read what arrived meanwhile
			t.left, t.graced = lateness, true
		}
		t.resume()
	}
}

// Stop ends one Start. The last Stop stops the timeouts and their timers.
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

// resume lets the timeout run on. The caller holds the lock.
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

// count subtracts the time since resume, unless the process was frozen. The
// caller holds the lock.
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

// lost reports whether there were too many breaks. The caller holds the lock.
func (t *timeout) lost() bool { return t.breaks > maxBreaks }

// end removes the timeout from its stopwatch.
func (t *timeout) end() {
	t.watch.mu.Lock()
	defer t.watch.mu.Unlock()
	delete(t.watch.timeouts, t)
	if t.timer != nil {
		t.timer.Stop()
	}
}
