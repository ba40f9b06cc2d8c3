//go:build race

package event

// million is fewer where everything takes longer.
const million = 100_000
