//go:build !race

package event

import "time"

const (
	// million is how many events TestMillion sends.
	million = 1_000_000
	// reporting is for how long events are recorded by the tests of rates.
	reporting = 30 * time.Second
)
