package retry

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fails is a failed attempt that took some time: it returns the pause after it,
// once that is over.
func (o *Outage) fails(took time.Duration) time.Duration {
	time.Sleep(took)
	pause := o.Next(took)
	time.Sleep(pause)
	return pause
}

func checkIn(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s is %v: expected %v to %v", what, got, low, high)
	}
}

func TestOutagePauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const s, ms = time.Second, time.Millisecond
		for range 100 {
			o := Outage{First: s, Max: time.Minute}
			for range 2 {
				began := time.Now()
				checkIn(t, "first pause", o.fails(0), 500*ms, s)
				checkIn(t, "second pause", o.fails(0), s, 2*s)
				for length := time.Since(began); length < 20*time.Minute; length = time.Since(began) {
					switch pause := o.fails(0); {
					case length < 2*time.Minute:
						checkIn(t, "pause of a short outage", pause, 2*s, 4*s)
					case length < 15*time.Minute:
						checkIn(t, "pause of a long outage", pause, 5*s, 12*s)
					default:
						checkIn(t, "pause of a very long outage", pause, 30*s, 60*s)
					}
				}
				o.Reset()
			}
		}
	})
}

func TestOutagePausesKeepToFirstAndMax(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, test := range []struct {
		name       string
		first, max time.Duration
		want       [5]time.Duration // the upper ends: three pauses, after 2 min, after 15 min
	}{
		{"long first pause", 4 * s, 60 * s, [5]time.Duration{4 * s, 8 * s, 16 * s, 48 * s, 60 * s}},
		{"max below four times first", 4 * s, 10 * s, [5]time.Duration{4 * s, 8 * s, 10 * s, 10 * s, 10 * s}},
		{"equal", 60 * s, 60 * s, [5]time.Duration{60 * s, 60 * s, 60 * s, 60 * s, 60 * s}},
		{"tiny", 1, 1, [5]time.Duration{1, 1, 1, 1, 1}},
		{"huge", math.MaxInt64, math.MaxInt64, [5]time.Duration{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 1000 {
				o := Outage{First: test.first, Max: test.max}
				for i := range 3 {
					checkIn(t, "pause", o.Next(0), test.want[i]/2, test.want[i])
				}
				o.length = longOutage
				checkIn(t, "pause after 2 min", o.Next(0), test.want[3]*5/12, test.want[3])
				o.length = veryLongOutage
				checkIn(t, "pause after 15 min", o.Next(0), test.want[4]/2, test.want[4])
			}
		})
	}
}

// Attempts that hang until they time out must not add to the pauses of a long
// outage.
func TestOutageCountsAttemptsThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			o := Outage{First: time.Second, Max: time.Minute}
			for began := time.Now(); time.Since(began) < 5*time.Minute; {
				o.fails(10 * time.Second)
			}
			checkIn(t, "pause after 5 min", o.fails(10*time.Second), 500*time.Millisecond, 2*time.Second)
		}
	})
}

// A freeze and a clock that is set are no outage: the pauses stay short.
func TestOutageDoesNotCountFreezes(t *testing.T) {
	t.Parallel()
	o := Outage{First: time.Second, Max: time.Minute}
	for range 3 {
		o.Next(0)
	}
	for _, away := range []time.Duration{time.Hour, -time.Hour} {
		o.failedAt = time.Now().Round(0).Add(-away) // by the wall clock
		checkIn(t, "pause after the clock moved", o.Next(0), 2*time.Second, 4*time.Second)
	}
}

// A fleet whose connections a restart cuts at the same time must not return at
// the same time.
func TestOutageSpreadsFleets(t *testing.T) {
	t.Parallel()
	const clients = 10_000
	downtimes := []time.Duration{2 * time.Minute, 5 * time.Minute, 20 * time.Minute}
	for downtime := time.Second; downtime < 8*time.Second; downtime += 200 * time.Millisecond {
		downtimes = append(downtimes, downtime)
	}
	for _, downtime := range downtimes {
		returns := make([]time.Duration, clients)
		for i := range returns {
			o := Outage{First: time.Second, Max: time.Minute}
			at := time.Duration(rand.Float64() * float64(50*time.Millisecond)) // until it notices
			for pause := o.Next(0); ; {
				if at += pause; at >= downtime {
					break
				}
				o.failedAt = time.Now().Round(0).Add(-pause)
				pause = o.Next(0)
			}
			returns[i] = at
		}
		slices.Sort(returns)
		most, first := 0, 0
		for last, at := range returns {
			for at-returns[first] >= time.Second {
				first++
			}
			most = max(most, last-first+1)
		}
		if most > clients*6/10 {
			t.Errorf("after %v without the platform %d of %d clients connect within one second", downtime, most, clients)
		}
	}
}
