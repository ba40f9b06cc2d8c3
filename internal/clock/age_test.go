package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		time.Sleep(90 * time.Minute)
		for name, test := range map[string]struct {
			t    time.Time
			want time.Duration
		}{
			"some time ago":           {began, 90 * time.Minute},
			"now":                     {time.Now(), 0},
			"in the future":           {time.Now().Add(time.Hour), 0},
			"without monotonic clock": {began.Round(0), 90 * time.Minute},
			"in another zone":         {began.In(time.FixedZone("east", 3600)), 90 * time.Minute},
		} {
			if got := Age(test.t); got != test.want {
				t.Errorf("%s: %v, expected %v", name, got, test.want)
			}
		}
	})
}

// TestAgeByTwoClocks has what the clocks do that a test cannot make them do.
func TestAgeByTwoClocks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                  string
		monotonic, wall, want time.Duration
	}{
		{"both agree", time.Minute, time.Minute, time.Minute},
		{"frozen, and the monotonic clock stopped", time.Second, time.Hour, time.Hour},
		{"wall clock set forward", time.Minute, time.Hour, time.Hour},
		{"wall clock set back a little", time.Minute, 50 * time.Second, time.Minute},
		{"wall clock set back before the beginning", time.Minute, -time.Hour, time.Minute},
		{"wall clock set back at once", 0, -time.Hour, 0},
		{"beginning in the future", -time.Minute, -time.Hour, 0},
		{"nothing has passed", 0, 0, 0},
	}
	for _, test := range tests {
		if got := age(test.monotonic, test.wall); got != test.want {
			t.Errorf("%s: %v, expected %v", test.name, got, test.want)
		}
	}
}

// TestAgeTakesTheWallClock: the wall clock counts for a time during which
// the monotonic clock was stopped.
func TestAgeTakesTheWallClock(t *testing.T) {
	t.Parallel()
	if got := Age(time.Now().Round(0).Add(-time.Hour)); got < time.Hour || got > 2*time.Hour {
		t.Errorf("%v", got)
	}
}

// TestAgeOfNever: the zero time is as long ago as can be told.
func TestAgeOfNever(t *testing.T) {
	t.Parallel()
	if got := Age(time.Time{}); got < 200*365*24*time.Hour {
		t.Errorf("%v", got)
	}
}
