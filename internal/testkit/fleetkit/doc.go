// Package fleetkit has what tests of publishers need beside an engine: a platform
// that remembers its history, with servers that lag, are empty or down; connections
// that can be cut and frozen; and what people do with pins. For tests of backends a
// World has a platform, a publisher and a reader around an engine.
package fleetkit
