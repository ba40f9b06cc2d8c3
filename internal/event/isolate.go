package event

import (
	"fmt"
	"math"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

// A platform may reject a request because of one event in it, with 400, 422 or
// 500: a database that cannot store a character, for example. Retries do not
// help, and the event must not delay the others. But an overloaded platform returns
// 500 as well, and then no event is the reason. So deliveries collect evidence before
// they drop an event.
const (
	// suspectAt is the number of deliveries in which a request with an event was
	// rejected from which on the event is a suspect: it is sent in parts, which
	// become smaller until a part is a single event.
	suspectAt = 2
	// dropAt is the number of deliveries in which an event must have been
	// rejected alone, while the platform accepted something else, before it is
	// dropped.
	dropAt = 3
	// maxExtra bounds the requests for parts in one delivery, and maxVain those
	// before the first one that the platform accepts. maxVain halves with each
	// delivery in which the platform accepts nothing.
	maxExtra = 20
	maxVain  = 10
	// memory is how many requests count for how often the platform rejects one at
	// random: few, as it may have become overloaded just now.
	memory = 40
	// doubt is the largest probability that an event is dropped although the
	// platform rejects requests at random.
	doubt = 1e-8
)

// suspicion is what deliveries have learned about an event.
type suspicion struct {
	rejections uint8 // of requests with it and others, of lanes once in a delivery
	alone      uint8 // rejections of requests that had no other event
	strikes    uint8 // deliveries in which it was rejected alone and something else accepted
}

// isolation is what deliveries have learned about the platform for the next one.
type isolation struct {
	// vain counts deliveries in a row in which the platform rejected parts and
	// accepted nothing: an outage, most likely. The next one sends smaller parts,
	// and begins with another user.
	vain, turn int
	// first: the last delivery ended before it could send the parts that were due.
	// This one begins with them.
	first bool
	// accepted counts requests that the platform accepted, atRandom the
	// rejections of requests that it accepted later. Old ones fade.
	accepted, atRandom float64
}

// count adds to accepted and atRandom.
func (s *isolation) count(accepted, atRandom int) {
	s.accepted += float64(accepted)
	s.atRandom += float64(atRandom)
	if s.accepted+s.atRandom > memory {
		s.accepted /= 2
		s.atRandom /= 2
	}
}

// conclusive is the number of rejections of an event that chance does not
// explain: 5 to 7 where the platform rejects nothing at random, and 27 where it
// rejects half of the requests.
func (s *isolation) conclusive() uint8 {
	share := (s.atRandom + 1) / (s.accepted + s.atRandom + 2)
	return uint8(min(max(math.Ceil(math.Log(doubt)/math.Log(share)), dropAt), math.MaxUint8))
}

// suspects returns the events that are sent in parts, by user, and in order for
// each: all events of a user up to its last suspect.
func (d *delivery) suspects(events []*waiting) (users [][]*waiting) {
	from := uint8(suspectAt)
	if d.by == closing {
		from = 1 // there is no next delivery
	}
	last := map[string]int{} // suspect of each user
	for i, e := range events {
		if !e.settled && e.rejections >= from {
			last[e.user.Key] = i
		}
	}
	if len(last) == 0 {
		return nil
	}
	index := make(map[string]int, len(last))
	for i, e := range events {
		if e.settled || d.held[e.user.Key] {
			continue
		}
		end, ok := last[e.user.Key]
		if !ok || i > end {
			continue
		}
		at, ok := index[e.user.Key]
		if !ok {
			at = len(users)
			index[e.user.Key] = at
			users = append(users, nil)
		}
		users[at] = append(users[at], e)
	}
	return users
}

// isolate sends suspects in parts and drops those that are the reason. It reports
// whether an event has left the queue, so that other events of its user may be sent.
func (d *delivery) isolate(users [][]*waiting) (progress bool) {
	if len(users) == 0 || d.stop.Load() || d.ctx.Err() != nil {
		return false
	}
	past := &d.p.isolation
	before := d.settled
	var unknown []*waiting // users whose first event has no strike
	var known [][]*waiting
	at := past.turn % len(users)
	users = slices.Concat(users[at:], users[:at])
	if past.vain == 0 {
		users = mostRejected(users) // the last delivery ended with the smallest part
	}
	for _, user := range users {
		if user[0].strikes > 0 {
			known = append(known, user)
		} else {
			unknown = append(unknown, user...)
		}
	}
	var alone []*waiting
	if d.accepted > 0 {
		known = known[:min(len(known), maxExtra/2)]
		alone = d.retryAlone(known)
		known = nil
	}
	rejections := d.rejections
	narrowed := d.narrow(unknown)
	if d.rejections > rejections {
		d.separate += max(1, len(narrowed))
	}
	alone = slices.Concat(alone, narrowed, d.retryAlone(known))
	d.judge(alone)
	return d.settled > before && !d.stop.Load()
}

// mostRejected returns the users in the order of the rejections of their first
// events, the most first. Others stay in order.
func mostRejected(users [][]*waiting) [][]*waiting {
	var by [math.MaxUint8 + 1][][]*waiting
	for _, user := range users {
		rank := math.MaxUint8 - user[0].rejections
		by[rank] = append(by[rank], user)
	}
	return slices.Concat(by[:]...)
}

// mayTry reports whether another request for a part may be sent.
func (d *delivery) mayTry() bool {
	limit := maxExtra
	if d.accepted == 0 {
		limit = max(1, maxVain>>d.p.isolation.vain)
	}
	return d.extra < limit && !d.stop.Load() && !d.hurried()
}

// hurried reports whether so many events were recorded meanwhile that the next
// delivery should begin. It continues where this one ended.
func (d *delivery) hurried() bool {
	if d.by == closing || d.answered < 3 {
		return false
	}
	cfg := &d.p.cfg
	return d.p.queue.fresh() >= min(cfg.Requests*cfg.BatchSize, (cfg.Capacity+3)/4)
}

// narrow sends events in parts until each is accepted or was rejected alone. A
// part has whole users where possible. It returns the events that were rejected
// alone. Further events of their users wait.
func (d *delivery) narrow(events []*waiting) (alone []*waiting) {
	// The first bad events are known to have one that is rejected.
	bad := 0
	for bad < min(len(events), d.p.cfg.BatchSize) && events[bad].rejections == events[0].rejections {
		bad++
	}
	size := max(1, bad/2>>(2*d.p.isolation.vain))
	for len(events) > 0 && d.mayTry() {
		n, result := d.part(events, cut(events, size, bad))
		switch {
		case result == delivered:
			events = events[n:]
			bad = max(bad-n, 0)
			size = (bad + 1) / 2
		case result != rejected && result != split:
			return alone
		case n > 1:
			if result == rejected {
				d.bodies = append(d.bodies, events[:n])
			}
			bad = n
			size = n / 2
			continue
		default:
			if result == rejected {
				alone = append(alone, events[0])
				events = d.hold(events)
			} else {
				events = events[1:]
			}
			bad, size = 0, 0
		}
		if bad == 0 {
			size = d.p.cfg.BatchSize
		}
	}
	return alone
}

// cut returns how many of the events, which are sorted by user, make a part of
// about n. It keeps users together if it can while the part is smaller than
// limit.
func cut(events []*waiting, n, limit int) int {
	n = min(n, len(events))
	within := func(i int) bool { return i < len(events) && events[i].user.Key == events[i-1].user.Key }
	at := n
	for at > 0 && within(at) {
		at--
	}
	if at > 0 {
		return at
	}
	for at = n; within(at); at++ {
	}
	if at < limit {
		return at
	}
	return n
}

// retryAlone sends the first event of each user, which was rejected alone
// before, and returns those that are rejected again.
func (d *delivery) retryAlone(users [][]*waiting) (alone []*waiting) {
	if d.accepted == 0 && d.rejections > 0 {
		return nil // an outage
	}
	for _, user := range users {
		if !d.mayTry() {
			break
		}
		switch _, result := d.part(user, 1); result {
		case rejected:
			alone = append(alone, user[0])
			d.hold(user)
		case delivered, split:
		default:
			return alone
		}
	}
	return alone
}

// hold leaves the events of the first event's user for the next delivery. It
// returns the events after them.
func (d *delivery) hold(events []*waiting) (others []*waiting) {
	key := events[0].user.Key
	d.held[key] = true
	for len(events) > 0 && events[0].user.Key == key {
		events = events[1:]
	}
	return events
}

// judge decides which of the events that were rejected alone are dropped.
func (d *delivery) judge(alone []*waiting) {
	past := &d.p.isolation
	only := d.accepted == 0 && d.onlyUser()
	if d.accepted == 0 && !only {
		if d.rejections > 0 {
			past.turn += d.extra
			if !past.first {
				past.vain = min(past.vain+1, 8)
			}
		}
		return
	}
	past.vain, past.turn = 0, 0
	for _, e := range alone {
		e.strikes = min(e.strikes+1, dropAt)
		e.alone = add(e.alone, 1)
	}
	for _, e := range alone {
		if e.strikes < dropAt {
			continue
		}
		for !only && e.alone < past.conclusive() && d.retry(e) {
		}
		if e.settled || e.alone < past.conclusive() || only && !d.passOver(e) {
			continue
		}
		d.p.logRejected(e, d.rejection)
		delete(d.held, e.user.Key)
		d.drop([]*waiting{e}, lossRejected, fmt.Errorf("%w: %w", d.rejection, flush.ErrRejected))
	}
}

// add adds without overflow.
func add(n uint8, more int) uint8 { return uint8(min(int(n)+more, math.MaxUint8)) }

// onlyUser reports whether all events that wait have one user, and are several:
// then none can be accepted before the first is dropped.
func (d *delivery) onlyUser() bool {
	key, n := "", 0
	for _, e := range d.events {
		switch {
		case e.settled:
			continue
		case n > 0 && e.user.Key != key:
			return false
		}
		key = e.user.Key
		n++
	}
	return n > 1
}

// retry sends an event alone once more and reports whether it was rejected.
func (d *delivery) retry(e *waiting) bool {
	if !d.mayTry() {
		return false
	}
	_, result := d.part([]*waiting{e}, 1)
	if result == rejected {
		e.alone = add(e.alone, 1)
	}
	return result == rejected
}

// passOver sends the event after e, of the only user in the queue. If the
// platform accepts that and still rejects e, this is no outage. The next event
// may be one that the platform rejects as well: then it sends the one after it.
func (d *delivery) passOver(e *waiting) bool {
	tries := 0
	for _, next := range d.events[slices.Index(d.events, e)+1:] {
		switch {
		case next.settled || next.alone >= d.p.isolation.conclusive():
			continue
		case tries == 2 || !d.mayTry():
			return false
		}
		tries++
		if _, result := d.part([]*waiting{next}, 1); result == delivered {
			return d.retry(e)
		} else if result != rejected {
			return false
		}
		next.alone = add(next.alone, 1)
	}
	return false
}

// probe sends an event of the last user, if earlier deliveries failed. Where many
// events in a row are rejected, that event is the most likely to be accepted, which
// shows that this is no outage.
func (d *delivery) probe(events []*waiting) {
	if d.p.isolation.vain == 0 || len(events) == 0 {
		return
	}
	key := events[len(events)-1].user.Key
	first := slices.IndexFunc(events, func(e *waiting) bool { return e.user.Key == key })
	d.part(events[first:], 1)
}

// part sends at most n of the events, without retries, and settles those that
// were accepted or that alone are too large. It returns how many were sent.
func (d *delivery) part(events []*waiting, n int) (sent int, result outcome) {
	body, n := d.p.encode(events, min(n, d.room()))
	if n == 0 {
		d.drop(events[:1], lossTooLarge, errTooLarge)
		return 1, split
	}
	d.extra++
	rejections := int(events[0].alone)
	result, err := d.request(body, events[:n], try{fresh: n == 1})
	if result != retained {
		d.answered++
	}
	switch {
	case result == delivered:
		if n == 1 {
			d.p.isolation.count(0, rejections)
		}
		d.deliver(events[:n])
	case result == split && n == 1:
		d.drop(events[:1], lossTooLarge, err)
	}
	return n, result
}

// logRejected logs that an event is dropped because the platform rejects it.
func (p *Processor) logRejected(e *waiting, cause error) {
	what, name := "flag", ""
	switch e.kind {
	case kindEvaluation:
		name = e.flag.Key
	case kindMetric:
		what, name = "metric", e.metric.name
	}
	p.to.Logger.Warn("ffc: an event was dropped, as the platform rejects it", what, safelog.Quote(name), "error", cause)
}
