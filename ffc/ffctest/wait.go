package ffctest

import (
	"context"
	"fmt"
)

// waiter is a caller that waits for the server to reach a state.
type waiter struct {
	ok   func() bool // called with the lock held
	done chan struct{}
}

// wait blocks until ok holds at some moment, also one that has passed again
// when wait returns.
func (s *Server) wait(ctx context.Context, ok func() bool) error {
	s.mu.Lock()
	if ok() {
		s.mu.Unlock()
		return nil
	}
	w := &waiter{ok: ok, done: make(chan struct{})}
	s.waiters[w] = struct{}{}
	s.mu.Unlock()

	var err error
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-s.closing:
		err = errClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waiting := s.waiters[w]; !waiting {
		return nil
	}
	delete(s.waiters, w)
	return err
}

// changed wakes the waiters whose time has come. The lock is held.
func (s *Server) changed() {
	for w := range s.waiters {
		if w.ok() {
			delete(s.waiters, w)
			close(w.done)
		}
	}
}

// errWait says what a wait was for and how far it got.
func errWait(want, got int, what string, err error) error {
	return fmt.Errorf("ffctest: waited for %d %s, have %d: %w", want, what, got, err)
}
