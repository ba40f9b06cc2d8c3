package flush

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
)

// queue holds events until they are delivered. It is cut into shards, one for
// each processor and more, so that cores that record at the same time do not
// wait for each other; events are put in order again when they are taken.
//
// Lock order: a shard's lock is never held while taking another one.
type queue struct {
	stamps *stamper
	shards []shard
	// nearest holds shards. A sync.Pool keeps what it is given apart by
	// processor, so a processor mostly meets its own shard again.
	nearest sync.Pool
	handed  atomic.Uint32 // how often nearest was given one
	// releases counts how often room was made. fullAt is one more than what it
	// was when a recorder found none anywhere: as long as that holds, looking
	// again is in vain.
	releases, fullAt atomic.Uint64
	// wake gets a value when a shard is half full.
	wake chan struct{}
}

// event is one evaluation or metric. Pointers are to immutable values.
type event struct {
	stamp
	user       *eval.User
	metric     *metric // nil for an evaluation
	flag       *eval.Flag
	variation  *eval.Variation
	reason     eval.Reason
	experiment bool
	sent       bool // in a request whose answer was lost
	settled    bool // delivered or dropped: the place is free
	// text is how many bytes of text the event keeps that the one before it in
	// the shard does not. It needs no room of its own in the struct.
	text uint32
}

type metric struct {
	name  string
	value float64
}

// shard is a ring of events.
type shard struct {
	index    int
	mu       sync.Mutex
	ring     []event // allocated at the first event
	size     int
	head     int // index of the oldest
	count    int
	text     int        // sum of the events'
	maxText  int        // from which on there is no room
	latest   *eval.User // of the event that was recorded last, if it still waits
	recorded uint64
	lost     [lossKinds]uint64
	// evaluations and fallbacks are counted here as well because it is the
	// place that cores do not share.
	evaluations uint64
	fallbacks   Fallbacks
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
	lossRefused
	lossClosed
	lossKinds
)

func newQueue(capacity int) *queue {
	count := 1
	for count < runtime.GOMAXPROCS(0) && count*2*minShard <= capacity {
		count *= 2
	}
	q := &queue{
		stamps: newStamper(),
		shards: make([]shard, count),
		wake:   make(chan struct{}, 1),
	}
	for i := range q.shards {
		s := &q.shards[i]
		s.index, s.wake = i, q.wake
		s.size, s.maxText = capacity/count, maxText/count
		if i < capacity%count {
			s.size++
		}
	}
	q.nearest.New = func() any { return &q.shards[q.handed.Add(1)%uint32(count)] }
	return q
}

// minShard is the size below which a shard is not worth it.
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

// size is how many events the call makes.
func (r results) size() int { return len(r.prerequisites) + 1 }

// record queues all events of a call, or counts all of them as lost.
func (q *queue) record(u *eval.User, m *metric, r results) {
	s := q.nearest.Get().(*shard)
	if q.full() {
		s.lose(r) // without reading the clock, which would take most of the time
	} else if now := q.stamps.now(); !s.record(now, u, m, r) {
		q.recordElsewhere(s, now, u, m, r)
	}
	q.nearest.Put(s)
}

// full reports whether there is no room for a single event in any shard.
func (q *queue) full() bool { return q.fullAt.Load() == q.releases.Load()+1 }

// recordElsewhere looks for a shard with room, or counts the loss.
func (q *queue) recordElsewhere(full *shard, now stamp, u *eval.User, m *metric, r results) {
	if releases := q.releases.Load(); q.fullAt.Load() != releases+1 {
		for i := range q.shards {
			if q.shards[(full.index+i)%len(q.shards)].record(now, u, m, r) {
				return
			}
		}
		if r.size() == 1 {
			q.fullAt.Store(releases + 1)
		}
	}
	full.lose(r)
}

// record reports whether there was room, or no hope of any.
func (s *shard) record(now stamp, u *eval.User, m *metric, r results) bool {
	s.mu.Lock()
	done := s.add(now, u, m, r)
	s.mu.Unlock() // deferring it would take longer, and add cannot panic
	return done
}

// add is record, for the holder of the lock.
func (s *shard) add(now stamp, u *eval.User, m *metric, r results) bool {
	if s.gate == lossNone && (s.size-s.count < r.size() || s.text >= s.maxText) {
		return false
	}
	s.recorded += uint64(r.size())
	if r.own != nil {
		s.evaluations++
	}
	if s.gate != lossNone {
		s.lost[s.gate] += uint64(r.size())
		return true
	}
	if s.ring == nil {
		s.ring = make([]event, s.size)
	}
	for i := range r.prerequisites {
		s.put(now, u, m, &r.prerequisites[i])
	}
	s.put(now, u, m, r.own)
	if half := (s.size + 1) / 2; s.count >= half && s.count-r.size() < half {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return true
}

func (s *shard) put(now stamp, u *eval.User, m *metric, r *eval.Result) {
	place := s.head + s.count
	if place >= len(s.ring) {
		place -= len(s.ring)
	}
	s.count++
	e := &s.ring[place]
	e.stamp, e.user, e.metric = now, u, m // the rest is zero: see release
	if u != s.latest || m != nil {
		e.text = textOf(e, s.latest)
		s.text += int(e.text)
		s.latest = u
	}
	if r != nil {
		e.flag, e.variation, e.reason, e.experiment = r.Flag, r.Variation, r.Reason, r.Experiment
	}
}

// textOf returns how many bytes of text an event keeps, where the one before it
// has a user already.
func textOf(e *event, before *eval.User) uint32 {
	n := 0
	if e.metric != nil {
		n = len(e.metric.name)
	}
	if e.user != before {
		n += (*wire.Private)(nil).Size(e.user)
	}
	return uint32(min(n, math.MaxUint32/2))
}

// lose counts events that found no room.
func (s *shard) lose(r results) {
	s.mu.Lock()
	why := lossFull
	if s.gate != lossNone {
		why = s.gate
	}
	if r.own != nil {
		s.evaluations++
	}
	s.recorded += uint64(r.size())
	s.lost[why] += uint64(r.size())
	s.mu.Unlock()
}

// count counts an evaluation that makes no event. The reason counts if it is
// one for a fallback.
func (q *queue) count(reason eval.Reason) {
	s := q.nearest.Get().(*shard)
	s.mu.Lock()
	s.evaluations++
	if reason >= eval.FirstFallback {
		s.fallbacks[reason-eval.FirstFallback]++
	}
	s.mu.Unlock()
	q.nearest.Put(s)
}

// Fallbacks counts evaluations without a value by reason: index 0 is
// eval.FirstFallback.
type Fallbacks [eval.FallbackReasons]uint64

// evaluations sums up the shards.
func (q *queue) evaluations() (all uint64, fallbacks Fallbacks) {
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		all += s.evaluations
		for reason, n := range s.fallbacks {
			fallbacks[reason] += n
		}
		s.mu.Unlock()
	}
	return all, fallbacks
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

// taken is what was queued at one time, in order. Its events stay in their
// places; whoever took them may change their sent and settled fields.
type taken struct {
	events []*event
	counts []int // of each shard
}

func (t *taken) unsettled() (events []*event) {
	for _, e := range t.events {
		if !e.settled {
			events = append(events, e)
		}
	}
	return events
}

// take returns all events that were recorded before the call. Only one caller
// may do so at a time, until it has called release.
func (q *queue) take() taken {
	// The shards are not seen at one time. What comes from now on is left
	// alone, or an event in a shard that is seen late would be taken without
	// the one before it, in a shard that was seen early.
	limit := q.stamps.limit()
	t := taken{counts: make([]int, len(q.shards))}
	heads := make([]int, len(q.shards))
	total := 0
	for i := range q.shards {
		s := &q.shards[i]
		s.mu.Lock()
		t.counts[i], heads[i] = s.count, s.head
		s.mu.Unlock()
		total += t.counts[i]
	}
	t.events = make([]*event, 0, total)
	left := slices.Clone(t.counts)
	for e := q.oldest(heads, left, limit); e != nil; e = q.oldest(heads, left, limit) {
		t.events = append(t.events, e)
	}
	for i := range left {
		t.counts[i] -= left[i]
	}
	return t
}

// oldest takes the oldest event that is left at the head of a shard, if it is
// not beyond the limit. Within a shard order is kept, so what one goroutine
// recorded stays in order.
func (q *queue) oldest(heads, left []int, limit int64) *event {
	var first *event
	from := 0
	for i := range left {
		if left[i] == 0 {
			continue
		}
		if e := &q.shards[i].ring[heads[i]]; e.at <= limit && (first == nil || e.at < first.at) {
			first, from = e, i
		}
	}
	if first == nil {
		return nil
	}
	left[from]--
	if heads[from]++; heads[from] == len(q.shards[from].ring) {
		heads[from] = 0
	}
	return first
}

// release frees the places of settled events and keeps the others, in order.
func (q *queue) release(t taken) {
	for i := range q.shards {
		q.shards[i].release(t.counts[i])
		q.releases.Add(1) // at once: until then recorders do not look
	}
}

// release moves what is kept to the end of what was taken. That needs no lock:
// recorders only touch the places behind.
func (s *shard) release(taken int) {
	if taken == 0 {
		return
	}
	at := func(i int) *event { return &s.ring[(s.head+i)%len(s.ring)] }
	freed, less := taken, 0
	for i := taken - 1; i >= 0; i-- {
		e := at(i)
		less += int(e.text)
		if !e.settled {
			if freed--; freed != i {
				*at(freed) = *e
			}
		}
	}
	for i := range freed {
		*at(i) = event{} // lets go of the user and the flag
	}
	var before *eval.User
	for i := freed; i < taken; i++ {
		e := at(i)
		e.text = textOf(e, before)
		less -= int(e.text)
		before = e.user
	}
	s.mu.Lock()
	s.head = (s.head + freed) % len(s.ring)
	s.count -= freed
	s.text -= less
	s.latest = nil // lets go of it as well
	s.mu.Unlock()
}

// queued is how many events there are.
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
		queued += uint64(s.count)
		for why, n := range s.lost {
			lost[why] += n
		}
		s.mu.Unlock()
	}
	return recorded, queued, lost
}
