package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// minHold is over how long the platform's responses must agree, at least,
	// until the publisher goes back to older or fewer flags: all readers follow.
	minHold = 5 * time.Minute
	// closeTime bounds the closing of a client.
	closeTime = 5 * time.Second
)

// source is a client of the platform. It begins with the engine's data, so that
// older, empty and much smaller responses are held.
type source struct {
	client *ffc.Client
	inner  transport.Transport
	seed   *stored // nil begins with nothing
	wake   chan struct{}

	mu       sync.Mutex
	store    dataStore
	state    sourceState
	first    time.Time // when the first response came
	unseeded bool      // nothing was published, so that no flags at all may be a mistake
}

// sourceState is what a source knows of the platform.
type sourceState struct {
	asOf   time.Time // the platform's time of the last response that confirmed the data; zero is before the first
	held   int       // how many items the last response is held in
	lost   time.Time // since when the platform is not heard; zero is not at all
	err    error     // why
	off    bool      // the platform rejects the secret
	dirty  bool      // data came since it was last taken
	noTime bool      // the platform's responses have no time
	began  time.Time // when the source did
}

// dataStore is the store of an ffc.Client.
type dataStore interface {
	transport.Store
	AppendData(dst []byte) ([]byte, int)
}

// newSource starts a client. With accept, the platform's first response is taken as
// it is. The error is one of the configuration.
func newSource(ctx context.Context, cfg ffc.Config, seed *stored, accept bool) (*source, error) {
	s := &source{inner: cfg.Transport, wake: make(chan struct{}, 1), unseeded: seed == nil && !accept}
	if !accept {
		s.seed = seed
	}
	s.state.began = time.Now()
	s.state.lost = s.state.began
	cfg.Transport = s
	if keyless, ok := s.inner.(transport.Keyless); ok && cfg.EnvSecret == "" {
		cfg.Transport = keylessSource{s, keyless}
	}
	client, err := ffc.New(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("relay: Publisher.Config: %w", err)
	}
	s.client = client
	return s, nil
}

type keylessSource struct {
	*source
	transport.Keyless
}

// Open implements transport.Transport.
func (s keylessSource) Open(env transport.Env) (transport.Session, error) { return s.source.Open(env) }

// stop closes the client.
func (s *source) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_ = s.client.Close(ctx)
}

// Open implements transport.Transport.
func (s *source) Open(env transport.Env) (transport.Session, error) {
	store, ok := env.Store.(dataStore)
	if !ok {
		return nil, fmt.Errorf("the store %T has no data to publish", env.Store)
	}
	s.store = store
	if s.seed != nil {
		if _, err := store.ApplyAsOf(s.seed.data, store.Mark(), s.seed.head.AsOf); err != nil {
			return nil, fmt.Errorf("the engine's data cannot be read: %w", err)
		}
	}
	env.Store = &observed{dataStore: store, s: s}
	session, err := s.inner.Open(env)
	if err != nil {
		return nil, err
	}
	hold := minHold
	if holder, ok := session.(transport.Holder); ok {
		hold = max(hold, holder.HoldFor())
	}
	switch session := session.(type) {
	case transport.Runner:
		return heldRunner{session, hold}, nil
	case transport.Refresher:
		return heldRefresher{session, hold}, nil
	}
	return session, nil
}

// heldRunner is a Runner whose store holds older data for longer.
type heldRunner struct {
	transport.Runner
	hold time.Duration
}

// HoldFor implements transport.Holder.
func (r heldRunner) HoldFor() time.Duration { return r.hold }

// heldRefresher is heldRunner for a Refresher.
type heldRefresher struct {
	transport.Refresher
	hold time.Duration
}

// HoldFor implements transport.Holder.
func (r heldRefresher) HoldFor() time.Duration { return r.hold }

// current returns what the source knows now.
func (s *source) current() sourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// take returns the data, and notes that it was taken. State is from before the
// data: what it says of the data is true.
func (s *source) take() (state sourceState, data []byte, items int) {
	s.mu.Lock()
	state = s.state
	s.state.dirty = false
	s.mu.Unlock()
	data, items = s.store.AppendData(nil)
	return state, data, items
}

// mayPublish reports whether the platform has confirmed the data. No flags at all
// where nothing was published before may be a server that has lost its data: that
// counts only when its responses have said so for some time.
func (s *source) mayPublish(state sourceState, items int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !state.asOf.IsZero() && state.held == 0 && (items > 0 || !s.unseeded || time.Since(s.first) >= minHold)
}

// change changes the state and wakes the replica.
func (s *source) change(f func(*sourceState)) {
	s.mu.Lock()
	f(&s.state)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// observed is the store as the session of a source sees it. It keeps failures from the
// client, whose log lines are for programs that evaluate flags: the publisher logs them.
type observed struct {
	dataStore
	s *source
}

var _ resync.Witness = (*observed)(nil)

// Apply implements transport.Store.
func (o *observed) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	applied, err := o.dataStore.Apply(message, asked)
	if err == nil {
		o.s.change(func(st *sourceState) {
			st.dirty = true
			if applied.Held > 0 {
				st.held, st.lost, st.err = applied.Held, time.Time{}, nil
			}
		})
	}
	return applied, err
}

// ApplyAsOf implements transport.Store.
func (o *observed) ApplyAsOf(message []byte, asked transport.Mark, asOf time.Time) (transport.Applied, error) {
	applied, err := o.dataStore.ApplyAsOf(message, asked, asOf)
	if err == nil {
		o.s.change(func(st *sourceState) { st.dirty = true })
	}
	return applied, err
}

// Answered implements resync.Witness.
func (o *observed) Answered(at time.Time) {
	o.s.change(func(st *sourceState) {
		st.held, st.noTime = 0, at.IsZero()
		if at.After(st.asOf) {
			st.asOf = at
		}
		if o.s.first.IsZero() {
			o.s.first = time.Now()
		}
	})
}

// Confirm implements transport.Store.
func (o *observed) Confirm() {
	o.dataStore.Confirm()
	o.heard()
}

// ConfirmAsOf implements transport.Store.
func (o *observed) ConfirmAsOf(asOf time.Time) {
	o.dataStore.ConfirmAsOf(asOf)
	o.Answered(asOf)
	o.heard()
}

// heard notes that the platform is there.
func (o *observed) heard() {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.state.lost, o.s.state.err = time.Time{}, nil
}

// Interrupted implements transport.Store.
func (o *observed) Interrupted(err error) {
	o.s.change(func(st *sourceState) {
		st.err = err
		if st.lost.IsZero() {
			st.lost = time.Now()
		}
	})
}

// Off implements transport.Store.
func (o *observed) Off(err error) {
	o.s.change(func(st *sourceState) {
		st.err, st.off = err, true
		if st.lost.IsZero() {
			st.lost = time.Now()
		}
	})
}
