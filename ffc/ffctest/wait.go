package ffctest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"
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

// Client is what WaitSynced needs of a client: an *ffc.Client, or anything that
// has one in it.
type Client interface {
	Refresh(ctx context.Context) error
	WriteSnapshot(w io.Writer) error
}

// syncCheck is how often WaitSynced looks.
const syncCheck = time.Millisecond

// WaitSynced blocks until client has what the server has, so that a test can go
// on after Put or Archive: every flag and segment in its version or a newer
// one, and none that is archived. It calls Refresh all the time: a client that
// works on demand follows as soon as its transport's MaxAge allows, so give it
// a MaxAge of a millisecond, and a Resync of a millisecond if the test archives
// flags: a client that is not pushed to keeps them until three answers over
// Resync agree, if they are more than a tenth. On the classic platform segments
// count only if some client ever connected by websocket, as polling does not
// bring them. The error is that of ctx, or says that the server is closed.
func (s *Server) WaitSynced(ctx context.Context, client Client) error {
	tick := time.NewTicker(syncCheck)
	defer tick.Stop()
	for {
		_ = client.Refresh(ctx) // if it fails, what it should have brought is missing
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

// missing says what client lacks; "" is nothing.
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
