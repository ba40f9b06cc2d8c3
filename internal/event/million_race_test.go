//go:build race

package event

import "time"

// The detector sees each access in the first seconds, and everything takes ten times
// as long.
const (
	million   = 100_000
	reporting = 5 * time.Second
)
