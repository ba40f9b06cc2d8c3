package relay

import (
	"context"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
)

// lead beats and publishes until another replica leads, or ctx ends.
func (r *replica) lead(ctx context.Context) {
	r.p.note(func(s *PublisherStatus) { s.Leader = true })
	r.checked = time.Now()
	r.pinned = time.Time{}
	r.reportPin()
	beat := time.NewTimer(r.beat)
	defer beat.Stop()
	publish := time.NewTimer(time.Hour) // for a change that came too soon
	defer publish.Stop()
	publish.Stop()
	for {
		var wrote bool
		var err error
		select {
		case <-ctx.Done():
			r.resign(ctx)
			return
		case <-r.woken():
			if !r.src.current().dirty {
				continue
			}
			if wait := publishEvery - clock.Age(r.published); wait > 0 {
				publish.Reset(wait)
				continue
			}
			wrote, err = r.step(ctx, false)
		case <-publish.C:
			wrote, err = r.step(ctx, false)
		case <-beat.C:
			if wait := publishEvery - clock.Age(r.published); wait > 0 { // a beat may publish, too
				beat.Reset(wait)
				continue
			}
			wrote, err = r.step(ctx, true)
			beat.Reset(r.beat)
		}
		switch {
		case ctx.Err() != nil: // the next turn resigns
		case err == errLost:
			r.log.Info("ffc: another replica publishes the environment; standing by", "environment", r.environment, "replica", r.owner)
			return
		case err != nil:
			r.fail(err)
		case wrote:
			r.recovered()
			r.reportPin()
		}
	}
}

// reportPin logs when a pin begins and ends.
func (r *replica) reportPin() {
	pin := time.Time{}
	if r.known.head.Pinned(r.now()) {
		pin = r.known.head.Pin
	}
	switch {
	case pin.Equal(r.pinned):
		return
	case pin.IsZero():
		r.log.Info("ffc: the pin has ended; publishing the platform's data again", "environment", r.environment, "revision", r.known.head.Revision)
	default:
		r.log.Warn("ffc: the data is pinned; changes on the platform wait for the end of the pin",
			"environment", r.environment, "revision", r.known.head.Revision, "pinned_until", pin)
	}
	r.pinned = pin
}

// step writes a head: with other data if there is, and otherwise if it is time for
// a beat. wrote reports whether it did.
func (r *replica) step(ctx context.Context, beat bool) (wrote bool, err error) {
	state := r.pull()
	head := r.next(r.known.head, state)
	next := &stored{head, r.known.body, r.known.data}
	if head.Pin.IsZero() && r.latest.Data != r.known.body.Data {
		next.body, next.data = r.latest, r.data
		r.revise(head)
	} else if !beat {
		return false, nil
	}
	r.report(state, head)
	if err := r.write(ctx, next); err != nil {
		return false, err
	}
	return true, r.upkeep(ctx)
}

// report notes what a leader does, and logs when it loses the platform.
func (r *replica) report(state sourceState, head *fleetdata.Head) {
	switch {
	case head.Blind && !r.known.head.Blind && state.off:
		r.log.Error(rejectedEvent+"; still writing the head, with the data from before", "environment", r.environment, "error", state.err, "as_of", head.AsOf)
	case head.Blind && !r.known.head.Blind:
		r.log.Warn("ffc: the platform is unreachable; still writing the head, with the data from before", "environment", r.environment, "error", state.err, "as_of", head.AsOf)
	case !head.Blind && r.known.head.Blind:
		r.log.Info("ffc: the platform responds again", "environment", r.environment)
	}
	r.p.note(func(s *PublisherStatus) { s.Blind, s.Held = head.Blind, state.held })
}

// write replaces the head of this replica by the next.
func (r *replica) write(ctx context.Context, next *stored) error {
	began := time.Now()
	tag, err := r.replaceOwn(ctx, next)
	if conflict(err) {
		return r.resolve(ctx, next)
	}
	if err != nil {
		return err // the head may have been written: then the next Swap conflicts
	}
	r.written(next, tag, began)
	return nil
}

func (r *replica) replaceOwn(ctx context.Context, next *stored) (tag string, err error) {
	if next.body.Sum == r.known.body.Sum {
		return r.main.swap(ctx, next.head, r.tag)
	}
	return r.main.publish(ctx, next, r.known.head, r.tag, r.keep)
}

// resolve continues after a conflict. Until a Lease is over since this replica
// wrote last, no other may have taken over: then the head is missing, or it is a
// head of this replica, which was written although an error said otherwise, which
// a person has pinned, or which is an earlier one, as the engine lost the last
// writes.
func (r *replica) resolve(ctx context.Context, next *stored) error {
	rd, err := r.main.read(ctx)
	switch {
	case err != nil:
		return err
	case clock.Age(r.good) >= r.lease, rd.err != nil, rd.tag != "" && rd.head == nil:
		return errLost
	case rd.head != nil && (rd.head.Owner != r.owner || rd.head.Lineage != r.lineage):
		return errLost
	}
	if h := rd.head; h != nil && h.Revision >= r.known.head.Revision {
		if err := r.learn(ctx, h); err != nil {
			return err
		}
		r.tag = rd.tag
		state := r.src.current()
		head := r.next(h, state)
		next = &stored{head, r.known.body, r.known.data}
		if head.Pin.IsZero() && r.latest.Data != r.known.body.Data {
			next.body, next.data = r.latest, r.data
			r.revise(head)
		}
	} else if h != nil { // the engine went back
		r.revise(next.head)
	}
	began := time.Now()
	tag, err := r.replace(ctx, next, rd)
	if conflict(err) {
		return errLost
	}
	if err != nil {
		return err
	}
	r.written(next, tag, began)
	return nil
}

// written notes that the engine has a head of this replica.
func (r *replica) written(s *stored, tag string, began time.Time) {
	if r.known == nil || r.known.body.Sum != s.body.Sum {
		r.published = time.Now()
		r.p.note(func(st *PublisherStatus) { st.Publishes++ })
	}
	r.known, r.tag, r.good = s, tag, began
	r.remember(s.head)
	if s.head.Owner == r.owner {
		for _, m := range r.mirrors {
			m.set(s)
		}
	}
}

// upkeep writes a body again that the engine has lost, removes bodies whose time
// is over, and replaces a source that the platform has rejected.
func (r *replica) upkeep(ctx context.Context) error {
	if state := r.src.current(); state.off && time.Since(state.began) >= reconnectAfter {
		r.srcKey = ""
		if err := r.startSource(ctx, "reconnected", &stored{r.known.head, r.latest, r.data}); err != nil {
			return err
		}
		r.src.change(func(st *sourceState) {
			if !st.lost.IsZero() { // another connection is no sign of life
				st.lost, st.err = state.lost, state.err
			}
		})
	}
	if clock.Age(r.checked) < checkEvery {
		return nil
	}
	r.checked = time.Now()
	if err := r.main.restore(ctx, r.known.head, r.known.body); err != nil {
		return err
	}
	return r.main.tidy(ctx, r.known.head)
}

// resign ends the lead, so that another replica need not wait for a Lease.
func (r *replica) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resignTime)
	defer cancel()
	head := r.next(r.known.head, r.src.current())
	head.Owner = ""
	_, _ = r.main.swap(ctx, head, r.tag) // without it, the others wait for a Lease
}
