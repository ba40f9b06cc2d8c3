//go:build !race

package event

// million is how many events TestMillion sends.
const million = 1_000_000
