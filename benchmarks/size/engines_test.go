package size_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/size"
)

// TestSizeOfEngines holds what a reader of an engine in a module of its own costs
// over a program that polls.
func TestSizeOfEngines(t *testing.T) {
	t.Parallel()
	poll, err := size.Bytes(t.Context(), ".", "ffcpoll")
	if err != nil {
		t.Fatal(err)
	}
	for program, limit := range map[string]int64{"ffcaws": 220, "ffcsqs": 220} {
		n, err := size.Bytes(t.Context(), ".", program)
		if err != nil {
			t.Fatal(err)
		}
		more := (n - poll) / 1024
		t.Logf("%s: %d KiB over ffcpoll", program, more)
		if more > limit {
			t.Errorf("%s is %d KiB over ffcpoll, expected at most %d", program, more, limit)
		}
	}
}
