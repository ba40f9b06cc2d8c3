// Package fleettest tests implementations of fleet.Backend, and has one in memory
// that fails as engines do.
//
//	func TestBackend(t *testing.T) {
//		fleettest.Run(t, func(t *testing.T) fleet.Backend { return connect(t) })
//	}
//
// It is for tests: Run needs package testing.
package fleettest
