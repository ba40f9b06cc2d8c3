// Package fleetdata is the format of what a publisher stores in an engine for
// the readers of a fleet: names, the head, the body that the head names, and
// the list of earlier bodies. Package fleet reads it, package relay writes it.
//
// One environment is one atomic object: a small head, which is replaced by
// compare-and-swap, names a body, which never changes.
//
//	<environment>/head           JSON, at most 640 bytes
//	<environment>/<sha256>.<i>   chunk i of the gzip of the data
//	<environment>/old            bodies that the head does not name, with the time until which they stay
//	<environment>/pin            who pinned bodies, why and until when
//	<environment>/dead           list of the dead letters of events, see relay.DeadLetters
//	<environment>/dead-<id>.<i>  chunk i of the gzip of a dead letter
package fleetdata
