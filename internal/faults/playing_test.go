//go:build !race

package faults_test

// playing is how many scenarios are played at the same time. They mostly wait;
// some pass every byte on by itself, and more of those at once than this would
// run into timeouts on a machine that is busy with other tests.
const playing = 20
