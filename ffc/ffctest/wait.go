package ffctest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"
)

// waiter is a call that waits for a state of the server.
type waiter struct {
	ok   func() bool // called with the lock held
	done chan struct{}
}

// wait blocks until ok is true once. It may be false again when wait returns.
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

// changed wakes the waiters whose state is reached. The lock is held.
func (s *Server) changed() {
	for w := range s.waiters {
		if w.ok() {
			delete(s.waiters, w)
			close(w.done)
		}
	}
}

// errWait returns the error of a wait that did not reach its state.
func errWait(want, got int, what string, err error) error {
	return fmt.Errorf("ffctest: waited for %d %s, have %d: %w", want, what, got, err)
}

// Client is the part of *ffc.Client that WaitSynced needs.
type Client interface {
	Refresh(ctx context.Context) error
	WriteSnapshot(w io.Writer) error
}

// syncCheck is how often WaitSynced checks the client.
const syncCheck = time.Millisecond

// WaitSynced blocks until client has the server's data: every flag and segment in
// the server's version or a newer version, and no archived ones. Tests call it
// after Put or Archive. It fails if ctx ends or the server is closed.
//
// WaitSynced calls client.Refresh every millisecond. A client that works on demand
// fetches again after its transport's MaxAge: set that to a millisecond. If the
// test archives more than a tenth of the flags, also set Resync to a millisecond: a
// client without pushes keeps such flags until three responses over Resync agree.
// On the classic platform segments count only if a client ever connected by
// websocket, because polling does not return them.
func (s *Server) WaitSynced(ctx context.Context, client Client) error {
	tick := time.NewTicker(syncCheck)
	defer tick.Stop()
	for {
		_ = client.Refresh(ctx) // if it fails, data stay missing
		missing := s.missing(client)
		if missing == "" {
			return nil
		}
		var err error
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-s.closing:
			err = errClosed
		}
		return fmt.Errorf("ffctest: the client is not in step with the server, it %s: %w", missing, err)
	}
}

// missing describes the first item that client lacks; "" if it has all.
func (s *Server) missing(client Client) string {
	var snapshot bytes.Buffer
	if err := client.WriteSnapshot(&snapshot); err != nil {
		return "has no data"
	}
	entities, err := s.platform.protocol().load(snapshot.Bytes())
	if err != nil {
		return "has data that cannot be read: " + err.Error()
	}
	var has store
	for _, e := range entities {
		has.put(e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range []kind{flags, segments} {
		if kind == segments && !s.streamed && s.platform == Classic {
			continue
		}
		for id, want := range s.store.entities[kind] {
			got, ok := has.entities[kind][id]
			switch {
			case want.archived && ok && !got.archived:
				return fmt.Sprintf("still has %q", id)
			case !want.archived && (!ok || got.version < want.version):
				return fmt.Sprintf("lacks version %d of %q", want.version, id)
			}
		}
	}
	return ""
}
