//go:build !race

package flush

// million is how many events TestMillion sends.
const million = 1_000_000
