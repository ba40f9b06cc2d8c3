// Package store decides what becomes of the stored flags and segments when an
// answer of the platform has older ones, or lacks them. Package eval stores what
// is decided here.
package store
