// Package queuetest tests implementations of flush.Queue, and has one in memory that
// fails as queues do.
//
//	func TestQueue(t *testing.T) {
//		queuetest.Run(t, queuetest.Config{Open: func(t *testing.T) flush.Queue { return connect(t) }})
//	}
//
// It is for tests: Run needs package testing.
package queuetest
