// Package sdk is what the harness needs an SDK to do. Each peer is adapted to
// it.
package sdk

import "github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"

// Peer describes one SDK. U is its own type of a user.
type Peer[U any] struct {
	// Encode writes the data in the SDK's own form.
	Encode func(*fixture.Dataset) ([]byte, error)
	Open   func(Config) (Client[U], error)
	// Events: the SDK has events that can be switched on and off.
	Events bool
	// Burst, if it is not 0, is how many events the SDK keeps for sure with
	// Config.Keep. Its clients are Drainers then. With Config.Full twice as many
	// fill its queue.
	Burst int
	// NoRules: the SDK has nothing that decides, so that only s1 and s7 can be
	// measured.
	NoRules bool
}

// Config says how to open an SDK.
type Config struct {
	// Snapshot is the path of what Encode wrote. For a program that polls it is
	// the base URL of a platform.
	Snapshot string
	// Events are on, and posted to Sink, which is an http:// URL.
	Events bool
	Sink   string
	// Keep: with room for Peer.Burst events, which go nowhere.
	Keep bool
	// Full: a queue of the default size that nothing empties.
	Full bool
}

// Client is an SDK at work.
type Client[U any] interface {
	// User makes the SDK's user, as the handler of a request would.
	User(fixture.User) U
	// Bool evaluates one flag by the SDK's public call.
	Bool(flag string, user U) bool
	// All evaluates every flag and returns how many results there were.
	All(user U) int
	// Close delivers the events that are left.
	Close()
}

// Drainer is a Client that can be told to empty its queue of events.
type Drainer interface{ Drain() }
