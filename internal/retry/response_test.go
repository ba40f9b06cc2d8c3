package retry

import (
	"net/http"
	"testing"
	"time"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		text string
		want time.Duration
		none bool
	}{
		{text: "", none: true},
		{text: "0"},
		{text: "7", want: 7 * time.Second},
		{text: " 7 ", want: 7 * time.Second},
		{text: "007", want: 7 * time.Second},
		{text: "600", want: 10 * time.Minute},
		{text: "601", want: 10 * time.Minute},
		{text: "4294967296", want: 10 * time.Minute},
		{text: "9223372036854775807", want: 10 * time.Minute},
		{text: "99999999999999999999999999", want: 10 * time.Minute},
		{text: "-1", none: true},
		{text: "+1", none: true},
		{text: "1.5", none: true},
		{text: "1e3", none: true},
		{text: "0x10", none: true},
		{text: "soon", none: true},
		{text: "Thu, 29 Feb 2024 12:00:30 GMT", want: 30 * time.Second},
		{text: "Thu, 29 Feb 2024 12:00:00 GMT"},
		{text: "Thu, 29 Feb 2024 11:00:00 GMT"},
		{text: "Fri, 01 Mar 2024 00:00:00 GMT", want: 10 * time.Minute},
		{text: "Thu, 01 Jan 0001 00:00:00 GMT"},
		{text: "Fri, 31 Dec 9999 23:59:59 GMT", want: 10 * time.Minute},
		{text: "Thursday, 29-Feb-24 12:00:30 GMT", want: 30 * time.Second}, // RFC 850
		{text: "Thu Feb 29 12:00:30 2024", want: 30 * time.Second},         // asctime
		{text: "2024-02-29T12:00:30Z", none: true},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			h.Set("Retry-After", test.text)
			got, ok := After(h, now)
			if got != test.want || ok == test.none {
				t.Errorf("%v, %v, expected %v", got, ok, test.want)
			}
		})
	}
	if got, ok := After(nil, now); got != 0 || ok {
		t.Errorf("without headers: %v, %v", got, ok)
	}
}

func FuzzAfter(f *testing.F) {
	f.Add("120", int64(0))
	f.Add("Thu, 29 Feb 2024 12:00:30 GMT", int64(1709208000))
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", int64(-1<<40))
	f.Add("18446744073709551616", int64(1<<40))
	f.Fuzz(func(t *testing.T, text string, now int64) {
		got, ok := After(http.Header{"Retry-After": {text}}, time.Unix(now, 0))
		if got < 0 || got > maxAfter || !ok && got != 0 {
			t.Errorf("%v, %v", got, ok)
		}
	})
}

// A date counts by the clock of the server that wrote it.
func TestAfterIgnoresThisClock(t *testing.T) {
	t.Parallel()
	sent := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for _, wrong := range []time.Duration{-time.Hour, 0, time.Hour} {
		h := http.Header{
			"Date":        {sent.Format(http.TimeFormat)},
			"Retry-After": {sent.Add(2 * time.Second).Format(http.TimeFormat)},
		}
		if got, ok := After(h, sent.Add(wrong)); got != 2*time.Second || !ok {
			t.Errorf("clock wrong by %v: %v, %v, expected 2s", wrong, got, ok)
		}
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		want     Class
		statuses []int
	}{
		{Success, []int{200, 201, 204, 299, 304}},
		{Transient, []int{408, 421, 425, 429, 500, 502, 503, 504, 520, 599}},
		{Refused, []int{401, 403}},
		{Permanent, []int{0, 100, 101, 300, 301, 302, 307, 400, 404, 405, 407, 410, 413, 418, 422, 426, 431, 451}},
	}
	for _, test := range tests {
		for _, status := range test.statuses {
			if got := Classify(status); got != test.want {
				t.Errorf("Classify(%d) is %d: expected %d", status, got, test.want)
			}
		}
	}
}
