package setting_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
)

func TestDefault(t *testing.T) {
	t.Parallel()
	for value, want := range map[time.Duration]time.Duration{0: time.Second, 1: 1, time.Hour: time.Hour} {
		got := value
		if err := setting.Default("MaxAge", &got, time.Second); err != nil || got != want {
			t.Errorf("%v: got %v, %v; want %v", value, got, err, want)
		}
	}
	got := int64(-1)
	err := setting.Default("MaxMessage", &got, 7)
	if err == nil || err.Error() != "MaxMessage: -1 is negative: expected 0 (the default) or more" || got != -1 {
		t.Errorf("-1: got %v, %v", got, err)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		first, limit, wantFirst, wantLimit time.Duration
		err                                string
	}{
		{0, 0, time.Second, time.Minute, ""},
		{2, 2, 2, 2, ""},
		{0, 2, time.Second, 2, "FirstRetry: 1s is too long: expected at most MaxRetry, which is 2ns"},
		{-1, -2, -1, -2, "FirstRetry: -1ns is negative: expected 0 (the default) or more\nMaxRetry: -2ns is negative: expected 0 (the default) or more"},
	} {
		first, limit := test.first, test.limit
		text := ""
		if err := setting.Retry(&first, &limit); err != nil {
			text = err.Error()
		}
		if first != test.wantFirst || limit != test.wantLimit || text != test.err {
			t.Errorf("%v, %v: got %v, %v, %q", test.first, test.limit, first, limit, text)
		}
	}
}

func TestWithinNamesEachSetting(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	own := &setting.Error{Field: "MaxAge", Err: cause}
	if err := setting.Under("Transport", errors.Join(own, cause)); err.Error() != "Transport.MaxAge: cause\nTransport: cause" {
		t.Errorf("joined: %v", err)
	}
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"no error":        {nil, nil},
		"own":             {own, []string{"Transport.MaxAge: cause"}},
		"joined":          {errors.Join(own, errors.Join(setting.Errorf("A.B", "%w", cause), own)), []string{"Transport.MaxAge: cause", "Transport.A.B: cause", "Transport.MaxAge: cause"}},
		"joined, foreign": {errors.Join(own, cause), []string{"Transport.MaxAge: cause", "Transport: cause"}},
		"foreign":         {cause, []string{"Transport: cause"}},
		"wrapped":         {fmt.Errorf("relay: %w", own), []string{"Transport: relay: MaxAge: cause"}},
		"wrapped twice":   {fmt.Errorf("relay: %w, %w", cause, cause), []string{"Transport: relay: cause, cause"}},
	} {
		var got []string
		for _, err := range setting.Within("Transport", test.err) {
			got = append(got, err.Error())
			if !errors.Is(err, cause) {
				t.Errorf("%s: %v does not wrap its cause", name, err)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestMissingFindsNilOfAnyKind(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, (*int)(nil), map[int]int(nil), []int(nil), (func())(nil), (chan int)(nil)} {
		if !setting.Missing(v) {
			t.Errorf("%T is not missing", v)
		}
	}
	for _, v := range []any{0, "", struct{}{}, new(int), []int{}} {
		if setting.Missing(v) {
			t.Errorf("%T is missing", v)
		}
	}
}
