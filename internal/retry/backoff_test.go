package retry

import (
	"math"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := []struct {
		name       string
		first, max time.Duration
		want       []time.Duration // the upper ends
	}{
		{"default", s, 60 * s, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s, 60 * s, 60 * s}},
		{"short", s, s, []time.Duration{s, s, s}},
		{"tiny", 1, 4, []time.Duration{1, 2, 4, 4}},
		{"huge", math.MaxInt64/2 + 1, math.MaxInt64, []time.Duration{math.MaxInt64/2 + 1, math.MaxInt64, math.MaxInt64}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 100 {
				b := Backoff{First: tt.first, Max: tt.max}
				for range 2 {
					for i, end := range tt.want {
						checkPause(t, i, b.Next(0), end)
					}
					b.Reset()
				}
			}
		})
	}
}

func TestBackoffNeverOverflows(t *testing.T) {
	t.Parallel()
	for first := time.Duration(1); first > 0; first *= 3 {
		most := max(first, time.Hour)
		b := Backoff{First: first, Max: most}
		end := first
		for i := range 200 {
			checkPause(t, i, b.Next(0), end)
			if end = 2 * end; end > most || end <= 0 {
				end = most
			}
		}
	}
}

func checkPause(t *testing.T, i int, got, end time.Duration) {
	t.Helper()
	if got < end/2 || got > end {
		t.Errorf("pause %d: got %v, want between %v and %v", i, got, end/2, end)
	}
}

func TestBackoffIsRandom(t *testing.T) {
	t.Parallel()
	b := Backoff{First: time.Hour, Max: time.Hour}
	low, high := time.Hour, time.Duration(0)
	for range 1000 {
		p := b.Next(0)
		low, high = min(low, p), max(high, p)
	}
	if low > 32*time.Minute || high < 58*time.Minute {
		t.Errorf("1000 pauses lie between %v and %v, want most of 30 to 60 min", low, high)
	}
}

func TestDouble(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		first time.Duration
		times uint
		want  time.Duration
	}{
		{200 * time.Millisecond, 0, 200 * time.Millisecond},
		{200 * time.Millisecond, 1, 400 * time.Millisecond},
		{200 * time.Millisecond, 7, 25600 * time.Millisecond},
		{200 * time.Millisecond, 8, 30 * time.Second},
		{200 * time.Millisecond, 1000, 30 * time.Second},
		{time.Minute, 0, 30 * time.Second},
		{1000 * time.Hour, 100, 30 * time.Second},
		{0, 5, 0},
	} {
		if got := Double(test.first, 30*time.Second, test.times); got != test.want {
			t.Errorf("%v doubled %d times: %v, expected %v", test.first, test.times, got, test.want)
		}
	}
}

func TestJitterStaysInItsShare(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, 1, 5, time.Minute, math.MaxInt64/4*3 + 1, math.MaxInt64} {
		for range 100 {
			if got := Lengthen(d, 0.25); got < d || got-d > d/4 {
				t.Errorf("Lengthen(%v, 0.25) is %v: expected up to a quarter more", d, got)
			}
			if got := Shorten(d, 0.1); got > d || d-got > d/10 {
				t.Errorf("Shorten(%v, 0.1) is %v: expected up to a tenth less", d, got)
			}
		}
	}
}

func TestJitterIsRandom(t *testing.T) {
	t.Parallel()
	low, high := time.Hour, time.Duration(0)
	for range 1000 {
		d := Lengthen(time.Hour, 1) - time.Hour
		low, high = min(low, d), max(high, d)
	}
	if low > 5*time.Minute || high < 55*time.Minute {
		t.Errorf("1000 additions lie between %v and %v: expected most of 0 to 1h", low, high)
	}
}
