package ffc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// State is how the client stands with the platform.
type State string

// The states. A client begins with StateInitializing and moves between StateOK
// and StateInterrupted from then on. StateOff is final.
const (
	// StateInitializing: the platform's data has not arrived yet.
	StateInitializing State = "INITIALIZING"
	// StateOK: the data is up to date with the platform.
	StateOK State = "OK"
	// StateInterrupted: the data may be getting old; the client is trying to
	// reach the platform.
	StateInterrupted State = "INTERRUPTED"
	// StateOff: the client is closed, or the platform refuses it and it has
	// given up. Data it has goes on serving until Close.
	StateOff State = "OFF"
)

// Status is how the client stands with the platform.
type Status struct {
	State State
	// Since is when State was entered.
	Since time.Time
	// Err is why the state is not StateOK: a *transport.Error, or ErrClosed.
	// It may change while the state stays.
	Err error
	// DataVersion is the newest version of any flag or segment, in Unix
	// milliseconds; 0 without data.
	DataVersion int64
	// Fallback: the data comes from the transport's fallback, as the transport
	// itself cannot connect.
	Fallback bool
	// DataAge is how long ago the platform last confirmed the data, also
	// across times when the process was frozen; 0 if it never did. A transport
	// that gets the data from an engine counts from when the platform confirmed
	// the data to the publisher.
	DataAge time.Duration
	// Source is where the data is from, if the transport gets it from an engine
	// (transport/fleet). It is the zero Source with other transports.
	Source transport.Source
}

// statusBoard keeps the status and wakes those who wait for it.
//
// Its lock is a leaf: nothing is called while it is held.
type statusBoard struct {
	mu        sync.Mutex
	state     State
	since     time.Time
	err       error
	fallback  bool
	confirmed time.Time // the platform confirmed the data; zero is never
	// ready is closed when the outcome of starting is known.
	ready     chan struct{}
	isReady   bool
	synced    bool
	listeners mailboxes[struct{}] // of the status as it is then
}

func (b *statusBoard) init(offline bool) {
	b.state, b.since, b.ready = StateInitializing, time.Now(), make(chan struct{})
	if offline {
		b.set(StateOK, nil)
		b.synced = true
	}
}

// set moves to a state, as far as the rules of protocol reference, section 7.3
// allow, and reports whether that is news: another state, or an error of
// another kind. Listeners are told of news.
func (b *statusBoard) set(state State, err error) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == StateOff {
		return false
	}
	if state == StateInterrupted && b.state == StateInitializing && !b.synced {
		state = StateInitializing
	}
	changed = state != b.state || kindOf(err) != kindOf(b.err)
	if state != b.state {
		b.state, b.since = state, time.Now()
	}
	b.err = err
	if e := (*transport.Error)(nil); errors.As(err, &e) && !e.AsOf.IsZero() {
		b.countFrom(e.AsOf)
	}
	if changed { // before anybody can know: who begins to listen then is told of what comes
		send(b.listeners.all(), struct{}{})
	}
	if !b.isReady && state != StateInitializing {
		b.isReady = true
		close(b.ready)
	}
	return changed
}

// explain replaces the error of an interruption, if there is one, by what keeps
// the data from being confirmed now.
func (b *statusBoard) explain(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != StateInterrupted {
		return
	}
	if kindOf(err) != kindOf(b.err) {
		send(b.listeners.all(), struct{}{})
	}
	b.err = err
}

// kindOf returns the kind of a transport's error; of another, or none, it is
// what no kind is.
func kindOf(err error) transport.Kind {
	var e *transport.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// confirm notes that the data is the platform's.
func (b *statusBoard) confirm() (changed bool) {
	b.mu.Lock()
	b.confirmed = time.Now()
	b.synced = true
	b.mu.Unlock()
	return b.set(StateOK, nil)
}

// appliedAsOf notes that the store has data that the platform confirmed at asOf.
func (b *statusBoard) appliedAsOf(asOf time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countFrom(asOf)
	b.synced = true
}

// countFrom lets DataAge count from asOf, unless it counts from later. The lock
// is held.
func (b *statusBoard) countFrom(asOf time.Time) {
	now := time.Now()
	// A time with a monotonic reading, so that DataAge goes on counting when the
	// clock is set.
	if at := now.Add(-max(now.Round(0).Sub(asOf), 0)); at.After(b.confirmed) {
		b.confirmed = at
	}
}

func (b *statusBoard) get(version int64) Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{State: b.state, Since: b.since, Err: b.err, DataVersion: version, Fallback: b.fallback}
	if !b.confirmed.IsZero() {
		s.DataAge = clock.Age(b.confirmed)
	}
	return s
}

// Status returns how the client stands with the platform now.
func (c *Client) Status() Status {
	if c.unmade() {
		return Status{State: StateOff, Err: ErrClosed}
	}
	s := c.status.get(c.view.Load().snapshot.Version())
	if sourced, ok := c.session.(transport.Sourced); ok {
		s.Source = sourced.Source()
	}
	return s
}

// Initialized reports whether the client has had the platform's whole data.
// Once it has, it stays so until Close. A bootstrap does not count. An offline
// client is initialized.
func (c *Client) Initialized() bool {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	return c.status.synced && !c.closed.Load()
}

// WaitReady waits until the client is initialized and returns nil. With a
// transport that works on demand it loads the data, and retries until then.
// WaitReady returns ErrClosed after Close, why the platform refused if it did so
// before there was data, or the error of ctx.
func (c *Client) WaitReady(ctx context.Context) error {
	if c.unmade() {
		return ErrClosed
	}
	if c.onDemand != nil && !c.known() {
		select {
		case err := <-c.load(ctx):
			if err != nil && ctx.Err() == nil && !c.known() {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	select {
	case <-c.status.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return c.outcome()
}

// known reports whether the outcome of starting is known.
func (c *Client) known() bool {
	select {
	case <-c.status.ready:
		return true
	default:
		return false
	}
}

// load loads the data in the background. The channel gets the outcome.
func (c *Client) load(ctx context.Context) <-chan error {
	loaded := make(chan error, 1)
	go func() { loaded <- c.guarded(ctx, c.onDemand.Load) }()
	return loaded
}

// outcome returns nil if the client is initialized, or why it may never be.
func (c *Client) outcome() error {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	switch {
	case c.closed.Load():
		return ErrClosed
	case c.status.synced:
		return nil
	}
	return c.status.err
}

// OnStatus calls f with the status after each change of state, when an error of
// another kind comes or goes and when a fallback begins or ends to serve, until
// stop is called. The calls come one after the other, from a goroutine of their
// own. Each gets the status as it is by then: if f is slow it misses some, but
// the last it gets is the latest. f may call the client, Close included.
func (c *Client) OnStatus(f func(Status)) (stop func()) {
	var told Status // no change of state has this
	return c.status.listeners.add(&mailbox[struct{}]{
		call: func(struct{}) {
			s := c.Status()
			if s.Since == told.Since && s.Fallback == told.Fallback && kindOf(s.Err) == kindOf(told.Err) {
				return // it was told with the change before
			}
			told = s
			f(s)
		},
		merge:  func([]struct{}) struct{} { return struct{}{} },
		failed: func(v any) { c.notePanic("OnStatus", v) },
	})
}

// setStatus changes the status, and logs it if that is news.
func (c *Client) setStatus(state State, err error) {
	err = c.withoutSecret(err)
	if c.status.set(state, err) {
		c.logStatus()
	}
}

// logStatus passes a change of the status on to the log.
func (c *Client) logStatus() {
	s := c.Status()
	switch {
	case s.State == StateOK:
		c.log.Info("ffc: the data is up to date", "version", s.DataVersion)
	case s.Err == ErrClosed:
	case s.State == StateOff:
		c.log.Error("ffc: the platform refuses this client, which gives up; "+c.whatServes(), "error", s.Err)
	case kindOf(s.Err) == transport.KindData:
		c.log.Warn("ffc: the platform's data cannot be used; retrying; "+c.whatServes(), "state", s.State, "error", s.Err)
	default:
		c.log.Warn("ffc: the platform cannot be reached; retrying; "+c.whatServes(), "state", s.State, "error", s.Err)
	}
}

// whatServes says what an outage means to evaluations.
func (c *Client) whatServes() string {
	if c.view.Load().serving {
		return "the data that is there goes on serving"
	}
	return "there is no data: evaluations answer fallbacks"
}

// withoutSecret returns err, or an error of the same kind if the text of err
// holds the secret or a token.
func withoutSecret(err error, secret string) error {
	clean := safelog.WithoutSecrets(err, secret)
	if clean == err {
		return err
	}
	if kind := kindOf(err); kind != "" {
		return &transport.Error{Kind: kind, Err: clean}
	}
	return clean
}
