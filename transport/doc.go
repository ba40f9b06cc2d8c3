// Package transport is the contract between a client and the thing that keeps
// its data current. Packages stream (a websocket) and poll (HTTP requests)
// implement it; an application chooses a transport in ffc.Config and need not
// look in here unless it brings its own.
//
// A transport gets messages of the platform in any way it likes and hands them,
// as the bytes they came in, to the client's Store. The Store decodes, checks
// versions, publishes the data and keeps the client's status.
package transport
