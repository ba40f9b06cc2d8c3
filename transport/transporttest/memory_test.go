package transporttest

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// memory is a source in memory.
type memory struct {
	mu       sync.Mutex
	message  []byte
	changed  chan struct{} // closed with the next message or failure
	fails    bool
	rejects  bool
	stalled  chan struct{} // closed by resume; nil if the source is not stalled
	asked    chan struct{}
	released chan struct{} // closed at the end of the test
}

func newMemory(t testing.TB) *memory {
	m := &memory{changed: make(chan struct{}), released: make(chan struct{}), asked: make(chan struct{}, 64)}
	t.Cleanup(func() { close(m.released) })
	return m
}

// source returns the source with a transport that reads from it.
func (m *memory) source(t *reader) Source {
	t.from = m
	t.pause = cmp.Or(t.pause, time.Second)
	return Source{
		Transport: t,
		Pushes:    !t.onDemand,
		Publish:   func(message []byte) { m.change(func() { m.message = message }) },
		Fail: func() func() {
			m.change(func() { m.fails = true })
			return func() { m.change(func() { m.fails = false }) }
		},
		Stall: func() (<-chan struct{}, func()) {
			stalled := make(chan struct{})
			m.change(func() { m.stalled = stalled })
			return m.asked, func() {
				m.change(func() { m.stalled = nil })
				close(stalled)
			}
		},
		Reject: func() { m.change(func() { m.rejects = true }) },
	}
}

func (m *memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

var (
	errOutage   = &transport.Error{Kind: transport.KindNetwork, Err: errors.New("the source is down")}
	errRejected = &transport.Error{Kind: transport.KindRefused, Err: errors.New("the source rejects the secret")}
)

// get returns the data and a channel that is closed when that may have changed.
func (m *memory) get(ctx context.Context) ([]byte, <-chan struct{}, error) {
	m.mu.Lock()
	stalled := m.stalled
	m.mu.Unlock()
	if stalled != nil {
		m.asked <- struct{}{}
		select {
		case <-stalled:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.fails:
		return nil, m.changed, errOutage
	case m.rejects:
		return nil, m.changed, errRejected
	}
	return m.message, m.changed, nil
}

// reader is a transport that reads a memory. It has at most one fault.
type reader struct {
	from     *memory
	onDemand bool
	pause    time.Duration // after a failure, and after an answer that was held back
	fault    string
	shared   *readerSession
}

// budget is that of Refresh.
const budget = time.Second

// Open implements transport.Transport.
func (r *reader) Open(env transport.Env) (transport.Session, error) {
	s := &readerSession{reader: r, env: env, closed: make(chan struct{}), turn: make(chan struct{}, 1)}
	switch r.fault {
	case "Open asks":
		s.connects = 1
	case "Open marks":
		s.mark = env.Store.Mark()
	case "Open starts a goroutine":
		go func() { <-r.from.released }()
	case "one session for all":
		if r.shared != nil {
			return r.shared, nil
		}
		r.shared = s
	case "no session":
		return struct{ transport.Session }{s}, nil
	case "HoldFor is 0":
		return holder{pushing{s}}, nil
	}
	if r.onDemand {
		return s, nil
	}
	return pushing{s}, nil
}

type holder struct{ pushing }

func (holder) HoldFor() time.Duration { return 0 }

// readerSession is a session of a reader, on demand.
type readerSession struct {
	*reader
	env  transport.Env
	turn chan struct{} // held by the call that fetches

	mu                 sync.Mutex
	connects, failures uint64
	mark               transport.Mark
	pushed             bool // the next message is
	buffer             []byte
	off                error
	closed             chan struct{}
	once               sync.Once
}

// Stats implements transport.Session.
func (s *readerSession) Stats() transport.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == "Stats counts no failure" {
		return transport.Stats{Connects: s.connects}
	}
	return transport.Stats{Connects: s.connects, Failures: s.failures}
}

// fetch gets the data once.
func (s *readerSession) fetch(ctx context.Context) (<-chan struct{}, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.fault != "Close does not end calls" {
		stop := context.AfterFunc(ctx, func() {})
		defer stop()
		go func() {
			select {
			case <-s.closed:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	s.mu.Lock()
	s.connects++
	s.mu.Unlock()
	var asked transport.Mark
	if !s.pushed || s.fault == "marks pushes" {
		asked = s.env.Store.Mark()
	}
	switch s.fault {
	case "one mark for all requests":
		if s.mark == 0 {
			s.mark = asked
		}
		asked = s.mark
	case "invents marks":
		asked += 1000
	case "changes HTTPClient":
		s.env.HTTPClient.Timeout = time.Minute
	case "logs the secret":
		s.env.Logger.Info("asking", "secret", s.env.EnvSecret.Reveal())
	}
	get := ctx
	if s.fault == "ignores contexts" {
		get = context.Background()
	}
	message, changed, err := s.from.get(get)
	if get.Err() != nil && s.fault != "reports its end as a failure" {
		return nil, context.Cause(ctx)
	}
	if s.fault == "marks late" {
		asked = s.env.Store.Mark()
	}
	if err == nil {
		err = s.store(message, asked)
	}
	if err != nil {
		s.report(err)
	}
	return changed, err
}

func (s *readerSession) store(message []byte, asked transport.Mark) error {
	switch s.fault {
	case "reuses bytes":
		s.buffer = append(s.buffer[:0], message...)
		message = s.buffer
	case "never applies":
		return nil
	case "confirms before Apply":
		s.env.Store.Confirm()
	}
	applied, err := s.env.Store.Apply(message, asked)
	if err != nil && s.fault != "confirms unusable data" {
		return err
	}
	if applied.Held > 0 && s.fault != "confirms held data" {
		return nil
	}
	switch s.fault {
	case "never confirms":
		return nil
	case "confirms twice":
		s.env.Store.Confirm()
	}
	s.env.Store.Confirm()
	return nil
}

func (s *readerSession) report(err error) {
	s.mu.Lock()
	s.failures++
	s.mu.Unlock()
	var typed *transport.Error
	switch s.fault {
	case "reports nothing":
		return
	case "reports plain errors":
		err = errors.New("failed")
	case "reports errors without kind":
		err = &transport.Error{Err: err}
	case "reports the secret":
		err = &transport.Error{Kind: transport.KindNetwork, Err: errors.New(s.env.EnvSecret.Reveal())}
	case "reports all as network errors":
		err = &transport.Error{Kind: transport.KindNetwork, Err: err}
	case "confirms during outages":
		s.env.Store.Interrupted(err)
		s.env.Store.Confirm()
		return
	case "gives up":
		s.giveUp(err)
		return
	}
	rejected := errors.As(err, &typed) && typed.Kind == transport.KindRefused
	switch {
	case rejected && s.fault != "retries when rejected":
		s.giveUp(err)
		if s.fault == "reports Off twice" {
			s.env.Store.Off(err)
		}
	case s.fault != "reports its end as a failure" && errors.Is(err, context.Canceled):
	default:
		if !errors.As(err, &typed) && s.fault == "reports its end as a failure" {
			err = &transport.Error{Kind: transport.KindNetwork, Err: err}
		}
		s.env.Store.Interrupted(err)
	}
}

func (s *readerSession) giveUp(err error) {
	s.mu.Lock()
	s.off = err
	s.mu.Unlock()
	s.env.Store.Off(err)
}

func (s *readerSession) isOff() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.off
}

var errClosed = errors.New("closed")

// Load implements transport.Refresher.
func (s *readerSession) Load(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	for {
		if s.isClosed() && s.fault != "works after Close" {
			return errClosed
		}
		if err := s.isOff(); err != nil {
			if s.fault == "returns nil after Off" {
				return nil
			}
			return err
		}
		_, err := s.fetch(ctx)
		switch {
		case err == nil:
			s.leave()
			return nil
		case ctx.Err() != nil && s.fault == "returns the secret":
			return errors.New(s.env.EnvSecret.Reveal())
		case ctx.Err() != nil || s.isClosed() || s.fault == "does not retry":
			return err
		}
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.closed:
			return errClosed
		}
	}
}

// leave leaves behind what some faults do.
func (s *readerSession) leave() {
	switch s.fault {
	case "leaves a goroutine":
		go func() { <-s.from.released }()
	case "leaves a timer":
		time.AfterFunc(time.Hour, s.env.Store.Confirm)
	}
}

// Refresh implements transport.Refresher.
func (s *readerSession) Refresh(ctx context.Context) error {
	if s.fault != "Refresh has no budget" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, budget)
		defer cancel()
	}
	return s.Load(ctx)
}

func (s *readerSession) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Close implements transport.Refresher.
func (s *readerSession) Close() {
	if s.fault == "Close cannot be repeated" {
		if s.isClosed() {
			<-s.from.released
		}
	}
	s.once.Do(func() { close(s.closed) })
	if s.fault == "Close does not wait" {
		return
	}
	select {
	case s.turn <- struct{}{}:
		<-s.turn
	case <-s.from.released:
	}
}

// pushing is a session of a reader that runs.
type pushing struct{ s *readerSession }

// Stats implements transport.Session.
func (p pushing) Stats() transport.Stats { return p.s.Stats() }

// Run implements transport.Runner.
func (p pushing) Run(ctx context.Context) {
	s := p.s
	defer s.leave()
	if s.fault == "Run does not return" {
		defer func() { <-s.from.released }()
	}
	for {
		changed, err := s.fetch(ctx)
		if s.isOff() != nil {
			if s.fault == "calls after Off" {
				s.env.Store.Confirm()
			}
			return
		}
		if s.fault == "ends at the first failure" && err != nil {
			return
		}
		if err == nil && s.fault == "asks once" {
			<-ctx.Done()
		}
		held := time.After(s.pause) // what was held back
		if err != nil {
			changed, held = nil, time.After(s.pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
			s.pushed = true
		case <-held:
			s.pushed = false
		}
	}
}
