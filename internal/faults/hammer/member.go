package hammer

import (
	"context"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// member is one publisher, which is started anew when it was killed.
type member struct {
	*relay.Publisher
	h      *Hammer
	engine *fleetkit.Link
	cancel context.CancelFunc
	done   chan struct{}
}

// RoundTrip implements http.RoundTripper: the platform as the member reaches it.
func (m *member) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := m.engine.Gate(r.Context()); err != nil {
		return nil, err
	}
	resp, err := m.h.platform.RoundTrip(r)
	if err2 := m.engine.Gate(r.Context()); err2 != nil {
		return nil, err2
	}
	return resp, err
}

// start starts a member, whose clock is off.
func (h *Hammer) start(i int) {
	m := &member{h: h, engine: &fleetkit.Link{Backend: &observed{h.connect(), h}}, done: make(chan struct{})}
	cfg := h.platform.Config()
	cfg.HTTPClient = &http.Client{Transport: m}
	cfg.Transport = &poll.Transport{Interval: h.Beat, Resync: 6 * h.Beat, FullResync: 60 * h.Beat, FirstRetry: h.unit()}
	m.Publisher = &relay.Publisher{Config: cfg, Backend: m.engine, Beat: h.Beat, Lease: h.lease()}
	off := time.Duration(h.random.Int64N(int64(2*clocks))) - clocks
	ctx, cancel := context.WithCancel(clock.WithWall(context.Background(), func() time.Time { return time.Now().Add(off) }))
	m.cancel = cancel
	go func() {
		defer close(m.done)
		_ = m.Run(ctx) // returns the error of ctx
	}()
	h.members[i] = m
}

// kill ends a member without a word: what it has under way ends as it may.
func (h *Hammer) kill(i int) {
	m := h.members[i]
	m.engine.SetCut(true)
	m.engine.Thaw()
	h.end(m)
}

// end ends a member in good order.
func (h *Hammer) end(m *member) {
	m.cancel()
	h.ended.Go(func() { <-m.done })
}

// leads reports whether a member leads and works.
func (h *Hammer) leads() bool {
	for _, m := range h.members {
		if m.leads() {
			return true
		}
	}
	return false
}

func (m *member) leads() bool {
	return m.engine.Well() && m.Status().Leader && m.Status().Err == nil
}
