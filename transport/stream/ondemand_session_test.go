package stream_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// onDemand makes a session that works on demand, until the end of the test.
func onDemand(t *testing.T, p *platform, settings stream.Transport) *session {
	t.Helper()
	settings.OnDemand = true
	s := open(t, p, settings)
	t.Cleanup(func() {
		s.wait(call(func() error {
			s.refresher.Close()
			return nil
		}))
		s.checkSecrecy()
	})
	return s
}

// outcome is how a call ended.
type outcome struct {
	err  error
	took time.Duration
}

// call calls f in a goroutine of its own.
func call(f func() error) <-chan outcome {
	done := make(chan outcome, 1)
	began := time.Now()
	go func() {
		err := f()
		done <- outcome{err, time.Since(began)}
	}()
	return done
}

func (s *session) refresh() <-chan outcome { return s.refreshWith(s.t.Context()) }

func (s *session) refreshWith(ctx context.Context) <-chan outcome {
	return call(func() error { return s.refresher.Refresh(ctx) })
}

func (s *session) load(ctx context.Context) <-chan outcome {
	return call(func() error { return s.refresher.Load(ctx) })
}

// wait returns how a call ended.
func (s *session) wait(done <-chan outcome) outcome {
	s.t.Helper()
	select {
	case o := <-done:
		return o
	case <-time.After(s.p.timeout):
		s.t.Fatal("the call does not return")
	}
	return outcome{}
}

// exchange is the platform's part in a refresh that goes well.
func (s *session) exchange() *peer {
	s.t.Helper()
	return s.p.accept().upgrade().exchange()
}

// exchange answers the one request for data and the close frame after it.
func (c *peer) exchange() *peer {
	c.p.t.Helper()
	c.expect(opText, syncRequest)
	c.send(full)
	c.goodbye()
	return c
}

// goodbye answers a close frame in good order, which must be the last.
func (c *peer) goodbye() {
	c.p.t.Helper()
	c.expect(opClose, normalClose)
	c.closeWith(1000, "normal close")
	if f, ok := c.next(); ok {
		c.p.t.Errorf("got frame %d %q after the close frame", f.op, f.payload)
	}
}

// refreshed has the session refresh its data, which must go well.
func (s *session) refreshed() *peer {
	s.t.Helper()
	done := s.refresh()
	c := s.exchange()
	if o := s.wait(done); o.err != nil {
		s.t.Fatalf("Refresh: %v", o.err)
	}
	synctest.Wait()
	return c
}

// checkNotTried checks that Refresh returns an error at once, without an
// attempt.
func (s *session) checkNotTried() {
	s.t.Helper()
	before := s.stats().Connects
	o := s.wait(s.refresh())
	if o.err == nil || o.took != 0 {
		s.t.Errorf("Refresh: got %v after %v, want an error at once", o.err, o.took)
	}
	if n := s.stats().Connects - before; n > 0 {
		s.t.Errorf("%d attempts to connect, want none", n)
	}
}

// checkQuiet checks that nothing of the session runs, that it has no connection
// and no timer: however long one waits, nothing happens.
func (s *session) checkQuiet() {
	s.t.Helper()
	checkNothingRuns(s.t, "net/http.")
	told, stats := s.store.told(), s.stats()
	time.Sleep(24 * time.Hour)
	checkNothingRuns(s.t, "net/http.")
	if n := s.store.told(); n != told {
		s.t.Errorf("the store was told %d things by anyUser", n-told)
	}
	if got := s.stats(); got != stats || len(s.p.conns) > 0 {
		s.t.Errorf("got %+v and %d connections, want %+v and none", got, len(s.p.conns), stats)
	}
}

// told returns how many calls there have been.
func (s *store) told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}
