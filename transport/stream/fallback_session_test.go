package stream_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// second is a transport to fall back to. The test says what its sessions get.
type second struct {
	t        *testing.T
	timeout  time.Duration
	onDemand bool // its sessions are Refreshers, not Runners
	// stubborn, if it is not nil, keeps sessions from ending until it is closed.
	stubborn chan struct{}
	started  chan *secondSession
	opened   atomic.Int32
}

// fallingBack makes a session with a fallback and runs it.
func fallingBack(t *testing.T, settings stream.Transport) (*session, *second) {
	t.Helper()
	p := inMemory(t)
	f := &second{t: t, timeout: p.timeout, started: make(chan *secondSession, 100)}
	settings.Fallback = f
	return open(t, p, settings), f
}

// Open implements transport.Transport.
func (f *second) Open(env transport.Env) (transport.Session, error) {
	f.opened.Add(1)
	s := &secondSession{
		f: f, store: env.Store, asked: make(chan time.Time, 1<<12), loaded: make(chan error, 1),
		stopped: make(chan struct{}), ended: make(chan struct{}),
	}
	if f.onDemand {
		return &secondRefresher{s}, nil
	}
	return &secondRunner{s}, nil
}

// secondSession is a session of a second transport.
type secondSession struct {
	f       *second
	store   transport.Store
	at      time.Time      // when it was started
	asked   chan time.Time // calls of Refresh
	loaded  chan error     // results of Load
	stopped chan struct{}  // closed when it is told to end
	ended   chan struct{}  // closed when it has
}

// Stats is the same for each session.
func (s *secondSession) Stats() transport.Stats {
	return transport.Stats{Connects: 4, Failures: 3, Fetches: 2, FetchTime: time.Second}
}

func (s *secondSession) start() {
	s.at = time.Now()
	s.f.started <- s
}

func (s *secondSession) end() {
	close(s.stopped)
	if s.f.stubborn != nil {
		<-s.f.stubborn
	}
	close(s.ended)
}

type secondRunner struct{ *secondSession }

func (s *secondRunner) Run(ctx context.Context) {
	s.start()
	<-ctx.Done()
	s.end()
}

type secondRefresher struct{ *secondSession }

func (s *secondRefresher) Load(ctx context.Context) error {
	s.start()
	select {
	case err := <-s.loaded:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *secondRefresher) Refresh(context.Context) error {
	s.asked <- time.Now()
	return nil
}

func (s *secondRefresher) Close() { s.end() }

// next waits until a session has been started.
func (f *second) next() *secondSession {
	f.t.Helper()
	select {
	case s := <-f.started:
		return s
	case <-time.After(f.timeout):
		f.t.Fatal("the fallback does not start")
	}
	return nil
}

// isStopped waits until the session has been told to end.
func (s *secondSession) isStopped() {
	s.f.t.Helper()
	select {
	case <-s.stopped:
	case <-time.After(s.f.timeout):
		s.f.t.Fatal("the fallback is not stopped")
	}
}

// apply brings a message and returns the error.
func (s *secondSession) apply(message string) error {
	_, err := s.store.Apply([]byte(message), s.store.Mark())
	return err
}

// serve brings all data, from a cache.
func (s *secondSession) serve() {
	s.f.t.Helper()
	if err := s.apply(full); err != nil {
		s.f.t.Errorf("the answer of the fallback was not taken: %v", err)
	}
	s.store.Confirm()
}

// back is the socket coming back, whatever attempts were not accepted before.
func (s *session) back() *peer {
	s.t.Helper()
	for len(s.p.conns) > 0 {
		_ = (<-s.p.conns).Close()
	}
	s.store.forget()
	return s.ready()
}

// forget drops what the store has been told.
func (s *store) forget() {
	for len(s.events) > 0 {
		<-s.events
	}
}

// checkTold checks what the store has been told since the call before.
func (s *store) checkTold(want ...string) {
	s.t.Helper()
	var got []string
	for len(s.events) > 0 {
		got = append(got, (<-s.events).what)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the store was told %q, want %q", got, want)
	}
}
