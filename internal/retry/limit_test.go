package retry

import (
	"testing"
	"testing/synctest"
	"time"
)

// opens makes connections that live as long as given, each after that pause and
// as soon as the limit allows, until the time is over. It returns when they were
// opened.
func (l *Limit) opens(life, pause, until time.Duration) (at []time.Duration) {
	began := time.Now()
	for {
		time.Sleep(pause)
		time.Sleep(l.Wait())
		if time.Since(began) > until {
			return at
		}
		opened := time.Now()
		at = append(at, opened.Sub(began))
		time.Sleep(life)
		l.Opened(opened)
	}
}

// most returns how many of the times lie within one minute.
func most(at []time.Duration) (n int) {
	first := 0
	for last := range at {
		for at[last]-at[first] >= time.Minute {
			first++
		}
		n = max(n, last-first+1)
	}
	return n
}

func TestLimit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		life, pause time.Duration
		first, then int // at most in a minute: in all, and from the tenth on
	}{
		{"ends at once", 0, 700 * time.Millisecond, 12, 4},
		{"no pause", 0, 0, 12, 4},
		{"ends after 3 s", 3 * time.Second, time.Second, 11, 4},
		{"ends after 9 s", 9 * time.Second, time.Second, 6, 4},
		{"ends after 10 s", 10 * time.Second, 0, 6, 6},
		{"ends after 50 s", 50 * time.Second, time.Second, 2, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := Limit{First: time.Second}
				at := l.opens(test.life, test.pause, time.Hour)
				if got := most(at); got != test.first {
					t.Errorf("%d in a minute: expected %d", got, test.first)
				}
				if got := most(at[10:]); got != test.then {
					t.Errorf("%d in a minute after ten connections: expected %d", got, test.then)
				}
			})
		})
	}
}

// Ten connections are free, and one that lasts makes the next free again.
func TestLimitStartsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := Limit{First: time.Second}
		for range 3 {
			for range 10 {
				if wait := l.Wait(); wait != 0 {
					t.Errorf("wait %v", wait)
				}
				l.Opened(time.Now())
			}
			if wait := l.Wait(); wait != 15*time.Second {
				t.Errorf("wait %v after ten short connections: expected 15s", wait)
			}
			time.Sleep(time.Minute)
			opened := time.Now()
			time.Sleep(10 * time.Second)
			l.Opened(opened)
			time.Sleep(time.Minute)
		}
	})
}

// Shorter pauses allow as many connections in less time.
func TestLimitScales(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct{ first, want time.Duration }{
			{time.Millisecond, 60 * time.Millisecond},
			{time.Second, time.Minute},
			{time.Hour, time.Minute},
		} {
			l := Limit{First: test.first, short: -20}
			for range 12 {
				l.Opened(time.Now())
			}
			if got := l.Wait(); got != test.want {
				t.Errorf("wait %v with a first pause of %v: expected %v", got, test.first, test.want)
			}
		}
	})
}
