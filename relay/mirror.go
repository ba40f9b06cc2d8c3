package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// mirror copies what the leader has written to another engine. A mirror that is
// slow or down delays nothing.
type mirror struct {
	*engineStore
	keep  time.Duration
	index int
	r     *replica
	wake  chan struct{}

	mu     sync.Mutex
	latest *stored // to write; nil if this replica does not lead

	// The rest is for the goroutine that writes.
	known   reading // what the engine has, as far as it is known
	sure    bool    // known is what the engine had
	checked time.Time
}

// set sets what the mirror has to write; nil is nothing.
func (m *mirror) set(latest *stored) {
	m.mu.Lock()
	m.latest = latest
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run writes until ctx ends. What fails is tried again with the next beat, which
// wakes it.
func (m *mirror) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		}
		m.mu.Lock()
		latest := m.latest
		m.mu.Unlock()
		if latest != nil {
			m.report(latest, m.write(ctx, latest))
		}
	}
}

func (m *mirror) report(latest *stored, err error) {
	m.r.p.note(func(s *PublisherStatus) {
		status := &s.Mirrors[m.index]
		status.Err = err
		switch {
		case err == nil:
			status.Revision, status.Behind = latest.head.Revision, time.Time{}
		case status.Behind.IsZero():
			status.Behind = time.Now()
		}
	})
}

// write brings the mirror to what the leader has written.
func (m *mirror) write(ctx context.Context, latest *stored) error {
	for try := 0; ; try++ {
		if !m.sure {
			var err error
			if m.known, err = m.read(ctx); err != nil {
				return err
			}
			m.sure = true
		}
		err := m.replace(ctx, latest)
		if err == nil {
			return m.check(ctx, latest)
		}
		m.sure = false
		if !errors.Is(err, fleet.ErrConflict) || try == 2 {
			return err
		}
	}
}

// replace writes once.
func (m *mirror) replace(ctx context.Context, latest *stored) (err error) {
	had := m.known.head
	if m.known.err != nil {
		return m.known.err
	}
	if had != nil && had.Lineage == latest.head.Lineage &&
		(had.Revision > latest.head.Revision || had.Revision == latest.head.Revision && had.Beat > latest.head.Beat) {
		m.sure = false // a replica that leads now was here
		return nil
	}
	head := *latest.head
	next := &stored{&head, latest.body, latest.data}
	var tag string
	if had != nil && had.Body == head.Body {
		head.Chunks = had.Chunks
		tag, err = m.swap(ctx, &head, m.known.tag)
	} else {
		tag, err = m.publish(ctx, next, had, m.known.tag, m.keep)
	}
	if err == nil {
		m.known = reading{head: &head, tag: tag}
	}
	return err
}

// check writes a body again that the engine has lost, and removes those whose time
// is over.
func (m *mirror) check(ctx context.Context, latest *stored) error {
	if m.known.head == nil || m.known.head.Body != latest.body.Sum || clock.Age(m.checked) < checkEvery && !m.checked.IsZero() {
		return nil
	}
	if err := m.restore(ctx, m.known.head, latest.body); err != nil {
		return err
	}
	m.checked = time.Now()
	return m.tidy(ctx, m.known.head)
}
