// Package platformserver is the platform's side of the protocols: what a server
// reads from server-side SDKs and writes to them, for both platforms. A test server
// (package ffctest) and a relay (package relay) are built on it.
//
// A Wire has what differs between the platforms. A Socket is one websocket: it
// reads messages, and writes what its owner has, without a goroutine while there is
// nothing to write.
package platformserver
