package size_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/size"
)

// TestSize holds what importing the SDK costs a program, over one that has a
// client of net/http already. The limits are what it costs now and a little
// slack, for other versions of Go: they are there to be lowered.
func TestSize(t *testing.T) {
	t.Parallel()
	floor, err := size.Bytes(t.Context(), ".", "empty")
	if err != nil {
		t.Fatal(err)
	}
	limits := []struct {
		program string
		kib     int64
	}{
		// regexp2, which runs FeatBit's regular expressions, is 276 of them. Some 300
		// are what keeps connections, events and data right under failure, and some 10
		// what makes it cheap to get all flags again when one has changed.
		{"ffcpoll", 1975},
		{"ffcstream", 2225},
	}
	for _, limit := range limits {
		t.Run(limit.program, func(t *testing.T) {
			t.Parallel()
			n, err := size.Bytes(t.Context(), ".", limit.program)
			if err != nil {
				t.Fatal(err)
			}
			more := (n - floor) / 1024
			t.Logf("%d KiB over the floor of %d", more, floor/1024)
			if more > limit.kib {
				t.Errorf("%s is %d KiB over the floor, expected at most %d", limit.program, more, limit.kib)
			}
		})
	}
}
