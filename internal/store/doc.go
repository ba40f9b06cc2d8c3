// Package store keeps the flags and segments of one environment.
//
// A Snapshot is an immutable view of them by key. Applying an update returns a
// new Snapshot that shares what did not change. Items are stored as the bytes
// that arrived. A Compiler compiles them when they are first used.
//
// A Hold decides what happens to stored items if a response of the platform has
// older versions of them, or lacks them.
package store
