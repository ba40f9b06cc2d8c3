package clock

import (
	"context"
	"testing"
	"time"
)

func TestWallIsThatOfTheContext(t *testing.T) {
	t.Parallel()
	if now := Wall(t.Context())(); time.Since(now).Abs() > time.Minute {
		t.Errorf("%v, want the time of this machine", now)
	}
	want := time.Date(2000, 1, 2, 3, 4, 5, 0, time.UTC)
	ctx, cancel := context.WithCancel(WithWall(t.Context(), func() time.Time { return want }))
	defer cancel()
	if now := Wall(ctx)(); !now.Equal(want) {
		t.Errorf("%v, want %v", now, want)
	}
}
