package clock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// expired reports whether a timeout of WithTimeout has ended the context.
func expired(ctx context.Context) bool {
	synctest.Wait()
	return context.Cause(ctx) == context.DeadlineExceeded && ctx.Err() == context.DeadlineExceeded
}

func TestTimeoutWithoutStopwatchIsThatOfContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, ok := ctx.Deadline(); !ok {
		t.Error("the context has no deadline")
	}
}

func TestStopwatchCountsOnlyWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watch Stopwatch
		ctx, cancel := WithTimeout(watch.Context(t.Context()), 10*time.Second)
		defer cancel()
		for range 5 {
			time.Sleep(8 * time.Second)
			watch.Start()
			watch.Start()
			time.Sleep(900 * time.Millisecond)
			watch.Stop() // of two
			time.Sleep(time.Second)
			watch.Stop()
		}
		watch.Start()
		time.Sleep(499 * time.Millisecond)
		if expired(ctx) {
			t.Fatal("the timeout ended before its time")
		}
		time.Sleep(time.Millisecond)
		if !expired(ctx) {
			t.Error("the timeout did not end in time")
		}
		watch.Stop()
	})
}

func TestTimeoutOfRunningStopwatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watch Stopwatch
		watch.Start()
		for _, d := range []time.Duration{time.Millisecond, time.Second, 2500 * time.Millisecond} {
			ctx, cancel := WithTimeout(watch.Context(t.Context()), d)
			time.Sleep(d - 1)
			if expired(ctx) {
				t.Errorf("a timeout of %v ended before its time", d)
			}
			time.Sleep(time.Nanosecond)
			if !expired(ctx) {
				t.Errorf("a timeout of %v did not end in time", d)
			}
			cancel()
		}
	})
}

// A break may end the moment that a timeout would: what arrived meanwhile is
// read first.
func TestStopwatchLeavesTimeToReadAfterABreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watch Stopwatch
		watch.Start()
		ctx, cancel := WithTimeout(watch.Context(t.Context()), 10*time.Second)
		defer cancel()
		time.Sleep(10*time.Second - 1)
		watch.Stop()
		time.Sleep(time.Minute)
		watch.Start()
		time.Sleep(lateness - 1)
		if expired(ctx) {
			t.Fatal("the timeout ended as soon as the break did")
		}
		time.Sleep(time.Nanosecond)
		if !expired(ctx) {
			t.Error("the timeout never ends")
		}
	})
}

// Work that is always short must not keep a timeout from ending.
func TestTimeoutEndsDuringShortWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, pause := range []time.Duration{time.Microsecond, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
			var watch Stopwatch
			ctx, cancel := WithTimeout(watch.Context(t.Context()), time.Second)
			began := time.Now()
			for !expired(ctx) && time.Since(began) < time.Hour {
				watch.Start()
				time.Sleep(time.Millisecond)
				watch.Stop()
				time.Sleep(pause)
			}
			// After 1 s of work, or after standing still for 5 times as long.
			if took := time.Since(began); took < time.Second || took > 6*time.Second {
				t.Errorf("pauses of %v: the timeout ended after %v", pause, took)
			}
			cancel()
		}
	})
}

// A process that is frozen again and again, with little work in between, gets no
// answer from a connection that has died meanwhile.
func TestTimeoutEndsAfterManyBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for pause, want := range map[time.Duration]int{time.Minute: maxBreaks + 1, 5 * time.Second: 2 * (maxBreaks + 1)} {
			var watch Stopwatch
			ctx, cancel := WithTimeout(watch.Context(t.Context()), 10*time.Second)
			breaks := 0
			for ; ; breaks++ {
				watch.Start()
				time.Sleep(time.Millisecond)
				if expired(ctx) || breaks > want {
					break
				}
				watch.Stop()
				time.Sleep(pause)
			}
			if breaks != want {
				t.Errorf("the timeout ended after %d breaks of %v, want %d", breaks, pause, want)
			}
			cancel()
		}
	})
}

// A timer that fires much too late tells that the process was frozen while work
// was under way. A test cannot freeze itself, so the test moves the beginning.
func TestTimeoutDoesNotCountFrozenTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watch Stopwatch
		watch.Start()
		ctx, cancel := WithTimeout(watch.Context(t.Context()), 2*time.Second)
		defer cancel()
		time.Sleep(1500 * time.Millisecond)
		watch.mu.Lock()
		for timeout := range watch.timeouts {
			timeout.since = timeout.since.Add(-time.Minute)
		}
		watch.mu.Unlock()
		time.Sleep(time.Second)
		if expired(ctx) {
			t.Fatal("the timeout counted frozen time")
		}
		time.Sleep(time.Second)
		if !expired(ctx) {
			t.Error("the timeout did not end in time")
		}
	})
}

func TestStopwatchForgetsTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watch Stopwatch
		watch.Start()
		ctx, cancel := WithTimeout(watch.Context(t.Context()), time.Second)
		cancel()
		cancel()
		if ctx.Err() != context.Canceled || len(watch.timeouts) != 0 {
			t.Errorf("after cancel: error %v, %d timeouts", ctx.Err(), len(watch.timeouts))
		}
		time.Sleep(time.Minute)
		if expired(ctx) {
			t.Error("a cancelled timeout ended")
		}
		watch.Stop()
		watch.Start()
	})
}

func TestStopwatchTimeoutEndsWithItsParent(t *testing.T) {
	t.Parallel()
	var watch Stopwatch
	parent, stop := context.WithCancel(t.Context())
	ctx, cancel := WithTimeout(watch.Context(parent), time.Hour)
	defer cancel()
	stop()
	<-ctx.Done()
	if context.Cause(ctx) != context.Canceled {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}
