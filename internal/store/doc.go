// Package store keeps the flags and segments of one environment.
//
// A Snapshot is an immutable view of them by key. Applying an update gives a new
// Snapshot that shares what did not change. Items are kept as the bytes that
// arrived, and compiled when they are first used, by a Compiler that the
// Snapshot does not look into.
//
// A Hold decides what becomes of stored items when an answer of the platform has
// older ones, or lacks them.
package store
