// Package model describes flags and segments the way the SDK thinks of them,
// whatever generation of the platform they came from. The decoders in package
// wire fill it; package eval compiles it. Nothing here has behaviour.
package model
