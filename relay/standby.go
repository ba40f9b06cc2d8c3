package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
)

// watch is what a standby has seen of the leader. All times are those of its own
// monotonic clock.
type watch struct {
	last  string        // lineage, beat, owner and tag of the last head
	since time.Time     // when that was first read
	blind time.Time     // since when the leader is blind; zero is not
	left  time.Duration // until this replica may try to lead
}

// due reports whether the leader is gone or blind, so that this replica may try to
// lead.
func (w *watch) due(r *replica, rd reading) bool {
	now := time.Now()
	key := rd.tag
	if h := rd.head; h != nil {
		key = fmt.Sprint(h.Lineage, "/", h.Beat, "/", h.Owner, "/", rd.tag)
	}
	if w.since.IsZero() || key != w.last {
		w.last, w.since = key, now
	}
	waited := now.Sub(w.since)
	switch {
	case rd.tag == "":
		// A leader that lives writes again within a beat.
		w.left = r.beat + r.beat/2 - waited
	case rd.head == nil:
		w.left = r.lease - waited
	case rd.head.Owner == "":
		w.left = 0
	default:
		lease := max(r.lease, leaseBeats*time.Duration(rd.head.Every)*time.Second)
		w.left = lease - waited
		switch {
		case !rd.head.Blind:
			w.blind = time.Time{}
		case w.blind.IsZero():
			w.blind = now
		default:
			w.left = min(w.left, lease-now.Sub(w.blind))
		}
	}
	return w.left <= 0
}

// nearlyDue reports whether the head has been missing for a whole beat: a leader that
// lives would have written it. So this replica connects to the platform and prepares
// the body before the head is due: with many environments that takes seconds.
func (w *watch) nearlyDue(r *replica, rd reading) bool { return rd.tag == "" && w.left <= r.beat/2 }

// reset forgets what was seen, as there was no reading in between.
func (w *watch) reset() { *w = watch{} }

// standBy reads the head with each beat, until this replica leads. It returns
// false when ctx ends.
func (r *replica) standBy(ctx context.Context) bool {
	var w watch
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-r.woken():
		case <-tick.C:
		}
		leads, err := r.tryToLead(ctx, &w)
		if w.left > 0 { // do not lose a part of a beat when the time has come
			tick.Reset(min(r.beat, w.left))
		} else {
			tick.Reset(r.beat)
		}
		switch {
		case ctx.Err() != nil && !leads:
			return false
		case err != nil:
			r.fail(err)
		case leads:
			r.recovered()
			return true
		}
	}
}

// tryToLead reads the head, and takes over if the leader is gone and this replica
// has the platform's full response, asked for after the head was read.
func (r *replica) tryToLead(ctx context.Context, w *watch) (leads bool, err error) {
	rd, err := r.main.read(ctx)
	if err != nil {
		w.reset()
		return false, err
	}
	if rd.err != nil {
		r.stopSource(ctx)
		return false, rd.err
	}
	due := w.due(r, rd)
	var lacking error
	if rd.head != nil {
		if err := r.learn(ctx, rd.head); err != nil && !lacks(err) {
			return false, err
		} else if err != nil {
			lacking = err
		}
	}
	if !due && !w.nearlyDue(r, rd) {
		r.stopSource(ctx)
		if lacking == nil {
			r.recovered()
		}
		return false, lacking
	}
	r.askMirrors(ctx)
	if err := r.startSource(ctx, keyOf(rd), r.known); err != nil {
		return false, err
	}
	state := r.src.current()
	if !due {
		if !state.asOf.IsZero() {
			r.pull() // compress now
		}
		return false, nil
	}
	switch {
	case state.off && time.Since(state.began) >= reconnectAfter:
		r.stopSource(ctx)
		return false, state.err
	case state.asOf.IsZero() && state.noTime:
		return false, errNoTime
	case state.asOf.IsZero():
		return false, state.err
	}
	return r.takeOver(ctx, rd, r.owner, w)
}

var errNoTime = errors.New("relay: the platform's responses have no Date header, so the age of the data is unknown: check whether a proxy removes the header")

// keyOf names what a source begins with: a beat of the same head changes nothing.
func keyOf(rd reading) string {
	if rd.head == nil {
		return "none " + rd.tag
	}
	return fmt.Sprint(rd.head.Lineage, "/", rd.head.Revision, "/", rd.head.Body)
}

// askMirrors looks for what was published before, where the engine has nothing
// and this replica has seen nothing. It asks once: mirrors that are down must not
// delay anything again.
func (r *replica) askMirrors(ctx context.Context) {
	if r.known != nil || r.accept || r.askedMirrors {
		return
	}
	r.askedMirrors = true
	found := make([]*stored, len(r.mirrors))
	var asking sync.WaitGroup
	for i, m := range r.mirrors {
		asking.Go(func() {
			if rd, err := m.read(ctx); err == nil && rd.head != nil {
				found[i], _ = m.engineStore.body(ctx, rd.head)
			}
		})
	}
	asking.Wait()
	for _, f := range found {
		if f != nil && (r.known == nil || f.head.Revision > r.known.head.Revision) {
			r.known = f
		}
	}
	if r.known != nil {
		r.remember(r.known.head)
	}
}

// takeOver writes the first head of this replica.
func (r *replica) takeOver(ctx context.Context, rd reading, owner string, w *watch) (leads bool, err error) {
	state := r.pull()
	r.p.note(func(s *PublisherStatus) { s.Held = state.held })
	if !r.src.mayPublish(state, r.items) {
		return false, nil
	}
	if r.lineage == "" {
		r.lineage = fleetdata.NewLineage()
	}
	before := rd.head
	if before == nil && r.known != nil {
		before = r.known.head
	}
	head := r.next(before, state)
	head.Owner = owner
	r.revise(head)
	body, data := r.latest, r.data
	if !head.Pin.IsZero() {
		if r.known != nil && r.known.body.Sum == before.Body {
			body, data = r.known.body, r.known.data
		} else { // nothing is left to pin
			head.Pin = time.Time{}
		}
	}
	began := time.Now()
	tag, err := r.replace(ctx, &stored{head, body, data}, rd)
	if conflict(err) { // another replica was faster
		r.stopSource(ctx)
		w.reset()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.written(&stored{head, body, data}, tag, began)
	r.accept = false
	return true, nil
}

// replace writes a head in place of what was read. It writes the body as well,
// unless the engine has it.
func (r *replica) replace(ctx context.Context, next *stored, rd reading) (tag string, err error) {
	if rd.head != nil && rd.head.Body == next.body.Sum {
		next.body.Describe(next.head, rd.head.Chunks)
		if err := r.main.restore(ctx, next.head, next.body); err != nil {
			return "", err
		}
		return r.main.swap(ctx, next.head, rd.tag)
	}
	return r.main.publish(ctx, next, rd.head, rd.tag, r.keep)
}
