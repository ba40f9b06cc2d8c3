package setting_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
)

func TestDefault(t *testing.T) {
	t.Parallel()
	for value, want := range map[time.Duration]time.Duration{0: time.Second, 1: 1, time.Hour: time.Hour} {
		got := value
		if err := setting.Default("poll: MaxAge", &got, time.Second); err != nil || got != want {
			t.Errorf("%v: got %v, %v; want %v", value, got, err, want)
		}
	}
	got := int64(-1)
	err := setting.Default("poll: MaxMessage", &got, 7)
	if err == nil || err.Error() != "poll: MaxMessage is -1: expected 0 (the default) or more" || got != -1 {
		t.Errorf("-1: got %v, %v", got, err)
	}
}
