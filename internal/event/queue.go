package event

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// queue holds events until they are delivered. It has shards, one for each
// processor and more, so that cores that record at the same time do not wait for
// each other. A delivery moves the events of all shards to the backlog, in
// order. There they stay until they are delivered or dropped; until then they
// take up their shard's capacity.
//
// Lock order: a shard's lock is never held while taking another one.
type queue struct {
	stamps *stamper
	shards []shard
	// backlog belongs to the delivery under way: only one may run at a time.
	backlog []waiting
	// nearest holds shards. A sync.Pool keeps what it is given apart by
	// processor, so a processor mostly meets its own shard again.
	nearest sync.Pool
	handed  atomic.Uint32 // how often nearest was given one
	// releases counts how often room was made. fullAt is one more than what it
	// was when a recorder found none anywhere: as long as that holds, looking
	// again is in vain.
	releases, fullAt atomic.Uint64
	// wake gets a value when there may be wakeAt events that no delivery has
	// taken.
	wake   chan struct{}
	wakeAt int
}

// kind is what an event is.
type kind uint8

const (
	kindEvaluation kind = iota + 1
	kindMetric
)

// event is one evaluation or metric. Pointers are to immutable values.
type event struct {
	stamp
	user   *eval.User
	metric *metric // of kindMetric
	// The result of kindEvaluation.
	flag       *eval.Flag
	variation  *eval.Variation
	reason     eval.Reason
	experiment bool
	kind       kind
	// text is how many bytes of text the event keeps that the one before it in
	// the shard does not. It needs no room of its own in the struct.
	text uint32
}

// waiting is an event that a delivery has taken from its shard, and what
// deliveries have learned about it.
type waiting struct {
	event
	shard   uint16
	sent    bool // in a request whose answer was lost
	settled bool // delivered or dropped; the event is zero
	suspicion
}

type metric struct {
	name  string
	value float64
}

// shard is a ring of events.
type shard struct {
	index    int
	mu       sync.Mutex
	ring     []event    // allocated at the first event
	size     int        // capacity
	head     int        // index of the oldest in the ring
	count    int        // events in the ring
	held     int        // events of this shard that wait, in the ring and in the backlog
	wakeAt   int        // count from which on wake gets a value
	wakeStep int        // how many events later it gets the next
	text     int        // sum of the waiting events'
	maxText  int        // from which on there is no room
	latest   *eval.User // of the event that was recorded last, if it is in the ring
	recorded uint64
	omitted  uint64 // not recorded
	lost     [lossKinds]uint64
	// evaluations are counted here as well because it is the place that cores do
	// not share.
	evaluations Evaluations
	gate        loss // if not lossNone, what becomes of every new event
	wake        chan<- struct{}

	_ [64]byte // two shards share no cache line
}

// loss is a reason for dropping events.
type loss uint8

const (
	lossNone loss = iota
	lossFull
	lossRejected
	lossTooLarge
	lossClosed
	duplicate // not a loss: flush.Config.Once
	lossKinds
)

// newQueue returns a queue whose wake channel gets a value when there may be a
// batch of events to take, or when it is half full.
func newQueue(capacity, batch int) *queue {
	count := 1
	for count < runtime.GOMAXPROCS(0) && count*2*minShard <= capacity {
		count *= 2
	}
	q := &queue{
		stamps: newStamper(),
		shards: make([]shard, count),
		wake:   make(chan struct{}, 1),
		wakeAt: min(batch, (capacity+1)/2),
	}
	for i := range q.shards {
		s := &q.shards[i]
		s.index, s.wake = i, q.wake
		s.wakeStep = max(1, q.wakeAt/count)
		s.wakeAt = s.wakeStep
		s.size, s.maxText = capacity/count, maxText/count
		if i < capacity%count {
			s.size++
		}
	}
	q.nearest.New = func() any { return &q.shards[q.handed.Add(1)%uint32(count)] }
	return q
}

// minShard is the minimum size of a shard.
const minShard = 64

// maxText is how many bytes of text the events of a queue may keep, or a little
// more. Users that record several events in a row count once.
const maxText = 64 << 20

// results are what one call records: those of an evaluation, or none where a
// metric is recorded.
//
// They are apart from what events keep, as the compiler would move them to the
// heap together with it, and every evaluation would allocate.
type results struct {
	prerequisites []eval.Result
	own           *eval.Result
}

// kind is the kind of the events. It is no field, as the compiler keeps a larger
// struct in memory instead of registers.
func (r results) kind() kind {
	if r.own == nil {
		return kindMetric
	}
	return kindEvaluation
}

// size returns how many events the call makes.
func (r results) size() int { return len(r.prerequisites) + 1 }

// record queues all events of a call, or counts all of them as lost, and counts the
// evaluation by its reason; ReasonNone is for a metric. It reports whether there was
// room.
func (q *queue) record(u *eval.User, m *metric, r results, reason eval.Reason) (queued bool) {
	s := q.nearest.Get().(*shard)
	if q.full() {
		s.lose(r.size(), reason) // without reading the clock, which would take most of the time
	} else if now := q.stamps.now(); s.record(now, u, m, r, reason) {
		queued = true
	} else {
		queued = q.recordElsewhere(s, now, u, m, r, reason)
	}
	q.nearest.Put(s)
	return queued
}

// full reports whether there is no room for a single event in any shard.
func (q *queue) full() bool { return q.fullAt.Load() == q.releases.Load()+1 }

// recordElsewhere looks for a shard with room, or counts the loss.
func (q *queue) recordElsewhere(full *shard, now stamp, u *eval.User, m *metric, r results, reason eval.Reason) (queued bool) {
	if r.size() > q.shards[0].size {
		return q.spread(now, u, r, reason)
	}
	if releases := q.releases.Load(); q.fullAt.Load() != releases+1 {
		for i := range q.shards {
			if q.shards[(full.index+i)%len(q.shards)].record(now, u, m, r, reason) {
				return true
			}
		}
		if r.size() == 1 {
			q.fullAt.Store(releases + 1)
		}
	}
	full.lose(r.size(), reason)
	return false
}

// spread queues the events of an evaluation that has more of them than any
// shard can hold, as far as there is room: the evaluation's own event first,
// then the prerequisites nearest to it. Events of one time are taken in the
// order of the shards, so the last shard gets the last events.
func (q *queue) spread(now stamp, u *eval.User, r results, reason eval.Reason) (all bool) {
	left := r.size()
	for i := len(q.shards) - 1; i >= 0; i-- {
		recorded := q.shards[i].recordLast(now, u, r, left, reason)
		left -= recorded
		if recorded > 0 {
			reason = eval.ReasonNone // it is counted
		}
	}
	if left > 0 {
		q.shards[0].lose(left, reason)
	}
	return left == 0
}

// recordLast queues the last of the first n results, as far as there is room,
// and returns how many those are.
func (s *shard) recordLast(now stamp, u *eval.User, r results, n int, reason eval.Reason) (recorded int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != lossNone {
		return 0
	}
	recorded = min(n, s.room())
	if recorded > 0 {
		s.evaluations[reason]++
	}
	s.recorded += uint64(recorded)
	s.allocate()
	for i := n - recorded; i < n; i++ {
		if i < len(r.prerequisites) {
			s.putEvaluation(now, u, &r.prerequisites[i])
		} else {
			s.putEvaluation(now, u, r.own)
		}
	}
	s.notify()
	return recorded
}

// record reports whether there was room, or no hope of any.
func (s *shard) record(now stamp, u *eval.User, m *metric, r results, reason eval.Reason) bool {
	s.mu.Lock()
	done := s.add(now, u, m, r, reason)
	s.mu.Unlock() // deferring it would take longer, and add cannot panic
	return done
}

// add is record, for the holder of the lock.
func (s *shard) add(now stamp, u *eval.User, m *metric, r results, reason eval.Reason) bool {
	if s.gate == lossNone && s.room() < r.size() {
		return false
	}
	s.recorded += uint64(r.size())
	s.evaluations[reason]++
	if s.gate != lossNone {
		s.lost[s.gate] += uint64(r.size())
		return true
	}
	s.allocate()
	switch r.kind() {
	case kindEvaluation:
		for i := range r.prerequisites {
			s.putEvaluation(now, u, &r.prerequisites[i])
		}
		s.putEvaluation(now, u, r.own)
	case kindMetric:
		s.putMetric(now, u, m)
	}
	s.notify()
	return true
}

// allocate makes the ring before the first event.
func (s *shard) allocate() {
	if s.ring == nil {
		s.ring = make([]event, s.size)
	}
}

// notify wakes Run if there may be enough events to deliver.
func (s *shard) notify() {
	if s.count >= s.wakeAt {
		s.wakeAt = s.count + s.wakeStep
		wake(s.wake)
	}
}

// notify wakes Run.
func (q *queue) notify() { wake(q.wake) }

func wake(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// enough reports whether there are enough events to deliver, together with those that
// a delivery has left. If not, it makes the shards wake Run as soon as there may be.
func (q *queue) enough(rest int) bool {
	counts := make([]int, len(q.shards))
	missing := q.wakeAt - rest
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		counts[i] = s.count
		s.mu.Unlock()
		missing -= counts[i]
	}
	if missing <= 0 {
		return true
	}
	step := max(1, missing/len(q.shards)) // some shard gets so many of them
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		s.wakeAt = min(s.wakeAt, counts[i]+step)
		s.notify()
		s.mu.Unlock()
	}
	return false
}

// room returns how many events fit.
func (s *shard) room() int {
	if s.text >= s.maxText {
		return 0
	}
	return s.size - s.held
}

func (s *shard) putEvaluation(now stamp, u *eval.User, r *eval.Result) {
	e := s.next()
	e.stamp, e.user, e.kind = now, u, kindEvaluation
	e.flag, e.variation, e.reason, e.experiment = r.Flag, r.Variation, r.Reason, r.Experiment
	if u != s.latest {
		s.keep(e)
	}
}

func (s *shard) putMetric(now stamp, u *eval.User, m *metric) {
	e := s.next()
	e.stamp, e.user, e.kind, e.metric = now, u, kindMetric, m
	s.keep(e)
}

// next returns the place for the next event. It is zero: see take.
func (s *shard) next() *event {
	place := s.head + s.count
	if place >= len(s.ring) {
		place -= len(s.ring)
	}
	s.count++
	s.held++
	return &s.ring[place]
}

// keep counts the text that the event keeps.
func (s *shard) keep(e *event) {
	e.text = textOf(e, s.latest)
	s.text += int(e.text)
	s.latest = e.user
}

// textOf returns how many bytes of text an event keeps, where the one before it
// has a user already.
func textOf(e *event, before *eval.User) uint32 {
	n := 0
	if e.kind == kindMetric {
		n = len(e.metric.name)
	}
	if e.user != before {
		n += (*platform.Private)(nil).Size(e.user)
	}
	return uint32(min(n, math.MaxUint32/2))
}

// lose counts events that do not fit into the queue, and their evaluation.
func (s *shard) lose(events int, reason eval.Reason) {
	s.mu.Lock()
	why := lossFull
	if s.gate != lossNone {
		why = s.gate
	}
	s.evaluations[reason]++
	s.recorded += uint64(events)
	s.lost[why] += uint64(events)
	s.mu.Unlock()
}

// count counts an evaluation that makes no event.
func (q *queue) count(reason eval.Reason) {
	s := q.nearest.Get().(*shard)
	s.mu.Lock()
	s.evaluations[reason]++
	s.mu.Unlock()
	q.nearest.Put(s)
}

// omit counts events that are not recorded.
func (q *queue) omit(events int) {
	s := q.nearest.Get().(*shard)
	s.mu.Lock()
	s.omitted += uint64(events)
	s.mu.Unlock()
	q.nearest.Put(s)
}

// deduplicate counts events that flush.Config.Once suppresses.
func (q *queue) deduplicate(events int) {
	s := q.nearest.Get().(*shard)
	s.mu.Lock()
	s.recorded += uint64(events)
	s.lost[duplicate] += uint64(events)
	s.mu.Unlock()
	q.nearest.Put(s)
}

// omitted sums up the shards.
func (q *queue) omitted() (n uint64) {
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		n += s.omitted
		s.mu.Unlock()
	}
	return n
}

// Evaluations counts evaluations by reason. The count of ReasonNone means nothing.
type Evaluations [eval.Reasons]uint64

// evaluations sums up the shards.
func (q *queue) evaluations() (all Evaluations) {
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		for reason, n := range s.evaluations {
			all[reason] += n
		}
		s.mu.Unlock()
	}
	return all
}

// shut makes every new event a loss.
func (q *queue) shut(why loss) {
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		s.gate = why
		s.mu.Unlock()
	}
}

// take moves what was recorded before the call to the backlog, in order, and
// returns the backlog. Its elements are valid until tidy is called.
func (q *queue) take() []waiting {
	// The shards are not seen at one time. What comes from now on is left
	// alone, or an event in a shard that is seen late would be taken without
	// the one before it, in a shard that was seen early.
	limit := q.stamps.limit()
	heads, left := make([]int, len(q.shards)), make([]int, len(q.shards))
	total := 0
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		left[i], heads[i] = s.count, s.head
		s.mu.Unlock()
		total += left[i]
	}
	q.backlog = slices.Grow(q.backlog, total)
	counts := slices.Clone(left)
	for i := q.oldest(heads, left, limit); i >= 0; i = q.oldest(heads, left, limit) {
		// No lock: recorders only touch the places behind those that are taken.
		s := &q.shards[i]
		e := &s.ring[heads[i]]
		q.backlog = append(q.backlog, waiting{event: *e, shard: uint16(i)})
		*e = event{} // releases the user and the flag
		left[i]--
		if heads[i]++; heads[i] == len(s.ring) {
			heads[i] = 0
		}
	}
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		s.head = heads[i]
		s.count -= counts[i] - left[i]
		s.wakeAt = s.wakeStep
		s.latest = nil
		s.mu.Unlock()
	}
	return q.backlog
}

// oldest returns the shard with the oldest event at its head, or -1 if all that
// are left are beyond the limit. Within a shard order is kept, so what one
// goroutine recorded stays in order.
func (q *queue) oldest(heads, left []int, limit int64) int {
	first, at := -1, int64(0)
	for i := range left {
		if left[i] == 0 {
			continue
		}
		if e := &q.shards[i].ring[heads[i]]; e.at <= limit && (first < 0 || e.at < at) {
			first, at = i, e.at
		}
	}
	return first
}

// settle frees the places of events that were delivered or dropped. Several
// calls may be under way at the same time, for different events.
func (q *queue) settle(events []*waiting) {
	freed := make([]struct{ events, text int }, len(q.shards))
	for _, e := range events {
		freed[e.shard].events++
		freed[e.shard].text += int(e.text)
		e.event, e.settled = event{}, true // releases the user and the flag
	}
	for i, f := range freed {
		if f.events == 0 {
			continue
		}
		s := &q.shards[i]
		s.mu.Lock()
		s.held -= f.events
		s.text -= f.text
		s.mu.Unlock()
		q.releases.Add(1) // at once: until then recorders do not look
	}
}

// tidy removes what is settled from the backlog and returns how many events are
// left. What is left of a user may have to count the user's text now.
func (q *queue) tidy() (left int) {
	size := len(q.backlog)
	for i := range q.backlog {
		if e := &q.backlog[i]; !e.settled {
			if left < i {
				q.backlog[left], *e = *e, waiting{}
			}
			left++
		}
	}
	q.backlog = q.backlog[:left]
	if cap(q.backlog) > max(256, 4*size) { // of a burst that is over
		q.backlog = append([]waiting(nil), q.backlog...)
	}
	if left == 0 {
		return 0
	}
	more, before := make([]int, len(q.shards)), make([]*eval.User, len(q.shards))
	for i := range q.backlog {
		e := &q.backlog[i]
		more[e.shard] -= int(e.text)
		e.text = textOf(&e.event, before[e.shard])
		more[e.shard] += int(e.text)
		before[e.shard] = e.user
	}
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		s.text += more[i]
		s.mu.Unlock()
	}
	return left
}

// fresh returns how many events no delivery has taken yet.
func (q *queue) fresh() (n int) {
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		n += s.count
		s.mu.Unlock()
	}
	return n
}

// queued returns how many events there are.
func (q *queue) queued() int {
	_, n, _ := q.counts()
	return int(n)
}

// counts sums up the shards.
func (q *queue) counts() (recorded, queued uint64, lost [lossKinds]uint64) {
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		recorded += s.recorded
		queued += uint64(s.held)
		for why, n := range s.lost {
			lost[why] += n
		}
		s.mu.Unlock()
	}
	return recorded, queued, lost
}
