//go:build race

package flush

// million is fewer where everything takes longer.
const million = 100_000
