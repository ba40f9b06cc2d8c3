package retry

import (
	"context"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

// thawCheck is how often Sleep compares the clocks.
const thawCheck = 5 * time.Second

// Sleep waits for d and reports true, or reports false when ctx ends or wake
// receives or is closed; a nil wake does neither. The time that the process was
// frozen counts, so Sleep returns at most 5 s after a thaw.
func Sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	return sleepSince(ctx, time.Now(), d, wake)
}

func sleepSince(ctx context.Context, began time.Time, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(min(d, thawCheck))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-wake:
			return false
		case <-ctx.Done():
			return false
		}
		left := d - clock.Age(began)
		if left <= 0 {
			return true
		}
		timer.Reset(min(left, thawCheck))
	}
}
