package ffc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// State is the state of the client's connection to the platform.
type State string

// The states. A client begins with StateInitializing and moves between StateOK
// and StateInterrupted from then on. StateOff is final.
const (
	// StateInitializing: the platform's data has not arrived yet.
	StateInitializing State = "INITIALIZING"
	// StateOK: the data is up to date with the platform.
	StateOK State = "OK"
	// StateInterrupted: the data may be stale; the client keeps retrying.
	StateInterrupted State = "INTERRUPTED"
	// StateOff: the client is closed, or the platform rejected the secret and the
	// client has stopped retrying. The client serves cached data until Close.
	StateOff State = "OFF"
)

// Status describes the client's connection to the platform and its data.
type Status struct {
	State State
	// Since is when the client entered State.
	Since time.Time
	// Err is the reason why the state is not StateOK: a *transport.Error, or
	// ErrClosed. It may change while the state stays the same.
	Err error
	// DataVersion is the newest version of any flag or segment, in Unix
	// milliseconds; 0 without data.
	DataVersion int64
	// Fallback says that the data comes from the transport's fallback, because
	// the transport itself cannot connect.
	Fallback bool
	// DataAge is the time since the platform last confirmed the data, including
	// the time while the process was frozen; 0 if it never did. With a transport
	// that gets the data from an engine, it is the time since the platform
	// confirmed the data to the publisher.
	DataAge time.Duration
	// Source is the source of the data if the transport gets it from an engine
	// (transport/fleet). With other transports it is the zero Source.
	Source transport.Source
}

// statusBoard holds the status and wakes the goroutines that wait for a change.
//
// Its lock is a leaf: no other lock is taken while it is held, except those of
// mailboxes.
type statusBoard struct {
	mu        sync.Mutex
	state     State
	since     time.Time
	err       error
	fallback  bool
	confirmed time.Time // the platform confirmed the data; zero is never
	// ready is closed when the outcome of the start is known.
	ready     chan struct{}
	isReady   bool
	synced    bool
	listeners mailboxes // each listener reads the status when it is called
}

func (b *statusBoard) init(offline bool) {
	b.state, b.since, b.ready = StateInitializing, time.Now(), make(chan struct{})
	if offline {
		b.set(StateOK, nil)
		b.synced = true
	}
}

// set changes the state, as far as the protocol reference, section 7.3 allows. It
// reports whether the state or the kind of error changed, and then notifies the
// listeners.
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
	if e, ok := errors.AsType[*transport.Error](err); ok && !e.AsOf.IsZero() {
		b.countFrom(e.AsOf)
	}
	if changed { // before ready is closed: a listener that is added after that gets only later changes
		send(b.listeners.all(), nil)
	}
	if !b.isReady && state != StateInitializing {
		b.isReady = true
		close(b.ready)
	}
	return changed
}

// explain replaces the error in StateInterrupted by the reason why the data is not
// confirmed now. In other states it does nothing.
func (b *statusBoard) explain(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != StateInterrupted {
		return
	}
	if kindOf(err) != kindOf(b.err) {
		send(b.listeners.all(), nil)
	}
	b.err = err
}

// kindOf returns the kind of a *transport.Error, and "" for other errors and nil.
func kindOf(err error) transport.Kind {
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return e.Kind
	}
	return ""
}

// confirm records that the platform confirmed the data now.
func (b *statusBoard) confirm() (changed bool) {
	b.mu.Lock()
	b.confirmed = time.Now()
	b.synced = true
	b.mu.Unlock()
	return b.set(StateOK, nil)
}

// appliedAsOf records that the store has data that the platform confirmed at asOf.
func (b *statusBoard) appliedAsOf(asOf time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countFrom(asOf)
	b.synced = true
}

// countFrom makes DataAge count from asOf, unless it already counts from a later
// time. The lock is held.
func (b *statusBoard) countFrom(asOf time.Time) {
	now := time.Now()
	// Use a time with a monotonic reading, so that DataAge stays right when the
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

// Status returns the current status. It does not block.
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

// LogValue implements slog.LogValuer: a client as an attribute of a log line is a
// group of its state, the version of its data, age and error. age is the
// Status.DataAge as text, such as 1m30s; it is left out if the platform never
// confirmed the data. error is the Status.Err; it is left out without one. LogValue
// does not block.
func (c *Client) LogValue() slog.Value {
	s := c.Status()
	attrs := []slog.Attr{slog.String("state", string(s.State)), slog.Int64("version", s.DataVersion)}
	if s.DataAge > 0 {
		// As a Duration it would be nanoseconds without a unit in JSON.
		attrs = append(attrs, slog.String("age", s.DataAge.String()))
	}
	if s.Err != nil {
		attrs = append(attrs, slog.Any("error", s.Err))
	}
	return slog.GroupValue(attrs...)
}

// Initialized reports whether the client has received all data of the platform.
// It then stays true until Close. A bootstrap does not count. An offline client is
// initialized.
func (c *Client) Initialized() bool {
	if c.over() {
		return false
	}
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	return c.status.synced
}

// WaitReady blocks until the client is initialized and returns nil. With a
// transport that works on demand it fetches the data itself, with retries. Give ctx
// a deadline: while the platform is unreachable, WaitReady waits until ctx ends.
// WaitReady returns ErrClosed after Close, the error of the platform if it rejects
// the secret before there is data, or the error of ctx.
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

// known reports whether the outcome of the start is known.
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

// outcome returns nil if the client is initialized, or the error that prevents it.
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

// OnStatus calls f after each change of the state, of the kind of Status.Err and
// of Status.Fallback, until stop is called. The calls come one after the other,
// from a goroutine of their own. Each call gets the status of that moment: a slow
// f misses some changes, but always gets the latest status. f may call the client,
// including Close. A panic of f has the same effect as with OnChange.
func (c *Client) OnStatus(f func(Status)) (stop func()) {
	if c.unmade() {
		return func() {}
	}
	var last Status // the zero Status equals no status of a client
	return c.status.listeners.add(&mailbox{
		call: func([]string) {
			s := c.Status()
			if s.Since == last.Since && s.Fallback == last.Fallback && kindOf(s.Err) == kindOf(last.Err) {
				return // the call for the change before already had this status
			}
			last = s
			f(s)
		},
		merge:  func([][]string) []string { return nil },
		failed: func(v any) { c.notePanic("OnStatus", v) },
	})
}

// setStatus changes the status, and logs a change.
func (c *Client) setStatus(state State, err error) {
	err = c.withoutSecret(err)
	if c.status.set(state, err) {
		c.logStatus()
	}
}

// logStatus logs the current status.
func (c *Client) logStatus() {
	s := c.Status()
	source := attributes(s.Source)
	switch {
	case s.State == StateOK:
		c.log.Info("ffc: the data is up to date", append([]any{"version", s.DataVersion}, source...)...)
	case s.Err == ErrClosed:
	case s.State == StateOff:
		c.log.Error("ffc: the platform rejected the secret; giving up, "+c.servedMeanwhile(), "error", s.Err)
	default:
		event := "ffc: the platform is unreachable or unavailable; retrying, "
		_, fromEngine := c.session.(transport.Sourced)
		switch invalid := kindOf(s.Err) == transport.KindData; {
		case invalid && fromEngine:
			event = "ffc: the data of the engine is invalid; retrying, "
		case invalid:
			event = "ffc: the data of the platform is invalid; retrying, "
		case fromEngine: // the error says whether the engine, the publisher or the platform
			event = "ffc: the engine is unavailable, or has no current data; retrying, "
		}
		c.log.Warn(event+c.servedMeanwhile(), append([]any{"state", s.State, "error", s.Err}, source...)...)
	}
}

// attributes returns the attributes of a log line that say where the data is from:
// none if it is from the platform itself.
func attributes(s transport.Source) []any {
	if s.Lineage == "" {
		return nil
	}
	all := []any{"backend", s.Backend, "lineage", safelog.Quote(s.Lineage), "revision", s.Revision}
	if !s.PinnedUntil.IsZero() {
		all = append(all, "pinned_until", s.PinnedUntil)
	}
	return all
}

// servedMeanwhile says what evaluations return during an outage.
func (c *Client) servedMeanwhile() string {
	if c.view.Load().serving {
		return "still serving cached data"
	}
	return "evaluations return fallbacks because there is no data"
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
