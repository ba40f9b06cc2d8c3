// Package eval decides which variation of a flag a user gets.
//
// Package store keeps flags as the bytes that arrived. A Source decodes and
// compiles a flag when it is first evaluated, so that a process that uses five
// flags of ten thousand pays for five; from then on an evaluation allocates
// nothing, takes no lock, reads no clock and writes no log.
//
// Semantics has all points in which the platforms differ. Everything else is
// shared.
package eval
