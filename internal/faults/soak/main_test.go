package main

import (
	"testing"
	"time"
)

func TestSoak(t *testing.T) {
	for seed := range uint64(2) {
		if err := run(1500*time.Millisecond, seed, t.Output()); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
