package ffc

import (
	"context"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

// State is how the client stands with the platform.
type State string

// The states. A client begins with StateInitializing and moves between StateOK
// and StateInterrupted from then on. StateOff is final.
const (
	// StateInitializing: the platform's data has not arrived yet.
	StateInitializing State = "INITIALIZING"
	// StateOK: the data is the platform's.
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
	// DataAge is how long ago the platform last confirmed the data, also
	// across times when the process was frozen; 0 if it never did.
	DataAge time.Duration
}

// statusBoard keeps the status and wakes those who wait for it.
//
// Its lock is a leaf: nothing is called while it is held.
type statusBoard struct {
	mu        sync.Mutex
	state     State
	since     time.Time
	err       error
	confirmed time.Time // the platform confirmed the data; zero is never
	// ready is closed when the outcome of starting is known.
	ready     chan struct{}
	isReady   bool
	synced    bool
	listeners mailboxes[Status]
}

func (b *statusBoard) init(offline bool) {
	b.state, b.since, b.ready = StateInitializing, time.Now(), make(chan struct{})
	if offline {
		b.set(StateOK, nil)
		b.synced = true
	}
}

// set moves to a state, as far as the rules of protocol reference, section 7.3
// allow, and reports whether the state or the presence of an error changed.
func (b *statusBoard) set(state State, err error) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == StateOff {
		return false
	}
	if state == StateInterrupted && b.state == StateInitializing {
		state = StateInitializing
	}
	changed = state != b.state || (err == nil) != (b.err == nil)
	if state != b.state {
		b.state, b.since = state, time.Now()
	}
	b.err = err
	if !b.isReady && (state == StateOK || state == StateOff) {
		b.isReady = true
		close(b.ready)
	}
	return changed
}

// confirm notes that the data is the platform's.
func (b *statusBoard) confirm() (changed bool) {
	b.mu.Lock()
	b.confirmed = time.Now()
	b.synced = true
	b.mu.Unlock()
	return b.set(StateOK, nil)
}

func (b *statusBoard) get(version int64) Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{State: b.state, Since: b.since, Err: b.err, DataVersion: version}
	if !b.confirmed.IsZero() {
		s.DataAge = clock.Age(b.confirmed)
	}
	return s
}

// Status returns how the client stands with the platform now.
func (c *Client) Status() Status { return c.status.get(c.view.Load().snapshot.Version()) }

// Initialized reports whether the client has had the platform's whole data.
// Once it has, it stays so until Close. A bootstrap does not count. An offline
// client is initialized.
func (c *Client) Initialized() bool {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	return c.status.synced && !c.closed.Load()
}

// WaitReady waits until the client is initialized and returns nil. It returns
// ErrClosed after Close, why the platform refused if it did so before there was
// data, or the error of ctx.
func (c *Client) WaitReady(ctx context.Context) error {
	select {
	case <-c.status.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
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

// OnStatus calls f with the status after each change of state, and when an
// error comes or goes, until stop is called. The calls come one after the
// other, from a goroutine of their own; if f is slow, it misses statuses but
// always gets the last. f may call the client, Close included.
func (c *Client) OnStatus(f func(Status)) (stop func()) {
	return c.status.listeners.add(&mailbox[Status]{
		call:     f,
		merge:    func(_, latest Status) Status { return latest },
		panicked: func() { c.notePanic("OnStatus") },
	})
}

// setStatus changes the status, tells listeners and writes the log.
func (c *Client) setStatus(state State, err error) {
	if c.status.set(state, err) {
		c.tellStatus()
	}
}

// tellStatus passes the status on after a change.
func (c *Client) tellStatus() {
	s := c.Status()
	switch s.State {
	case StateOK:
		c.log.Info("ffc: data is up to date", "version", s.DataVersion)
	case StateOff:
		if s.Err != ErrClosed {
			c.log.Error("ffc: the platform refuses this client; data it has goes on serving", "cause", s.Err)
		}
	default:
		c.log.Warn("ffc: no connection to the platform; trying on", "state", s.State, "cause", s.Err)
	}
	c.status.listeners.send(s)
}
