// Package faults breaks the network between a client and a platform, and has
// the tests that show that clients survive it. No shipped package imports it.
//
// A [Proxy] stands before a server and does to connections what networks do. A
// [Liar] takes the server's place and says what no platform would.
package faults
