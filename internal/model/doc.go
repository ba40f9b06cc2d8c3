// Package model has the types of flags and segments, the same for all
// platforms, and the table of operators. Package platform decodes data into
// them; package eval compiles them.
package model
