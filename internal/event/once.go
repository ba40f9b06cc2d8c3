package event

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// once remembers which evaluations were reported within flush.Config.Once: 65,536 of
// them, at 16 bytes each. If a set is full, the oldest is forgotten, and reported
// again.
//
// The table has a hash of 64 bits with a random seed for each evaluation, and no
// text.
type once struct {
	window  uint64 // in milliseconds
	seed    maphash.Seed
	stripes [onceStripes]onceStripe
}

const (
	onceStripes = 64
	onceSets    = 128
	onceWays    = 8
)

type onceStripe struct {
	mu   sync.Mutex
	sets [onceSets][onceWays]reported
}

// reported is an evaluation that was reported. Its hash is not 0.
type reported struct {
	hash      uint64
	unixMilli int64
}

// newOnce returns nil if nothing is suppressed.
func newOnce(window time.Duration) *once {
	if window <= 0 {
		return nil
	}
	return &once{window: uint64(max(window.Milliseconds(), 1)), seed: maphash.MakeSeed()}
}

// hash identifies the user's key, flag and variation.
func (o *once) hash(user string, f *eval.Flag, v *eval.Variation, experiment bool) uint64 {
	h := maphash.String(o.seed, user)
	h ^= bits.RotateLeft64(maphash.String(o.seed, f.Key), 21)
	h ^= bits.RotateLeft64(maphash.String(o.seed, v.ID), 42)
	if experiment {
		h = ^h
	}
	return max(h, 1)
}

// set returns the set that may have an evaluation.
func (o *once) set(hash uint64) (*onceStripe, *[onceWays]reported) {
	s := &o.stripes[hash%onceStripes]
	return s, &s.sets[hash/onceStripes%onceSets]
}

// suppress reports whether the result was reported within the window. If not, it
// remembers the result, unless that counts in an experiment: then it waits for
// the delivery.
func (o *once) suppress(user string, r *eval.Result, unixMilli int64) bool {
	hash := o.hash(user, r.Flag, r.Variation, r.Experiment)
	s, set := o.set(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range set {
		// Unsigned: a clock that was set back ends the window.
		if e.hash == hash && uint64(unixMilli-e.unixMilli) < o.window {
			return true
		}
	}
	if !r.Experiment {
		remember(set, reported{hash, unixMilli})
	}
	return false
}

// remember replaces the entry of the same evaluation, an empty entry or the
// oldest.
func remember(set *[onceWays]reported, now reported) {
	at := 0
	for i := range set {
		if set[i].hash == now.hash {
			at = i
			break
		}
		if set[i].unixMilli < set[at].unixMilli {
			at = i
		}
	}
	set[at] = now
}

// delivered remembers an evaluation that counts in an experiment.
func (o *once) delivered(e *event, unixMilli int64) {
	if e.kind != kindEvaluation || !e.experiment {
		return
	}
	hash := o.hash(e.user.Key, e.flag, e.variation, true)
	s, set := o.set(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	remember(set, reported{hash, unixMilli})
}

// forget lets an evaluation whose event was dropped be reported again.
func (o *once) forget(user string, f *eval.Flag, v *eval.Variation, experiment bool) {
	hash := o.hash(user, f, v, experiment)
	s, set := o.set(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range set {
		if set[i].hash == hash {
			set[i] = reported{}
		}
	}
}

// settled updates the table for events that were delivered or dropped.
func (o *once) settled(events []*waiting, why loss, unixMilli int64) {
	for _, e := range events {
		switch {
		case why == lossNone:
			o.delivered(&e.event, unixMilli)
		case e.kind == kindEvaluation:
			o.forget(e.user.Key, e.flag, e.variation, e.experiment)
		}
	}
}
