package retry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleep(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := []struct {
		name               string
		d, wake, end, want time.Duration
		ok                 bool
	}{
		{name: "nothing", d: 0, want: 0, ok: true},
		{name: "negative", d: -s, want: 0, ok: true},
		{name: "short", d: s, want: s, ok: true},
		{name: "longer than a look at the clocks", d: 62 * s, want: 62 * s, ok: true},
		{name: "woken", d: 62 * s, wake: 13 * s, want: 13 * s},
		{name: "ended", d: 62 * s, end: 13 * s, want: 13 * s},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				wake := make(chan struct{})
				if test.wake > 0 {
					time.AfterFunc(test.wake, func() { close(wake) })
				}
				if test.end > 0 {
					time.AfterFunc(test.end, cancel)
				}
				began := time.Now()
				if ok := Sleep(ctx, test.d, wake); ok != test.ok || time.Since(began) != test.want {
					t.Errorf("%v after %v: expected %v after %v", ok, time.Since(began), test.ok, test.want)
				}
			})
		})
	}
}

// The time of a freeze, during which timers are stopped, counts.
func TestSleepNoticesAFreeze(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		if !sleepSince(t.Context(), now.Round(0).Add(-time.Hour), 30*time.Minute, nil) || time.Since(now) != 5*time.Second {
			t.Errorf("slept %v after a freeze: expected 5s", time.Since(now))
		}
	})
}
