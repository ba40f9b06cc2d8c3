//go:build race

package faults_test

// playing is lower where everything takes longer.
const playing = 5
