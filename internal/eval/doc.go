// Package eval decides which variation of a flag a user gets.
//
// A Snapshot is an immutable view of one environment: flags and segments by
// key. Applying an update gives a new Snapshot that shares what did not
// change. Flags are kept as the bytes that arrived and are decoded and
// compiled when they are first evaluated, so that a process that uses five
// flags of ten thousand pays for five; from then on an evaluation allocates
// nothing, takes no lock, reads no clock and writes no log.
//
// The two generations of the platform differ in a handful of rules, gathered
// in Rules; everything else is shared.
package eval
