package retry

import "testing"

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
