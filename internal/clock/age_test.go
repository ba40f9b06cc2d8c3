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

// TestAgeOfNever: the zero time is as long ago as can be told.
func TestAgeOfNever(t *testing.T) {
	t.Parallel()
	if got := Age(time.Time{}); got < 200*365*24*time.Hour {
		t.Errorf("%v", got)
	}
}
