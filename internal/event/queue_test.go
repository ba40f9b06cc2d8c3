package event

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"unsafe"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// withProcs sets GOMAXPROCS for a test, which must not be parallel.
func withProcs(t *testing.T, n int) {
	t.Helper()
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// put records a metric in a certain shard and reports whether there was room.
func (q *queue) put(shard int, u *eval.User, m metric) bool {
	return q.shards[shard].record(q.stamps.now(), u, &m, results{}, eval.ReasonNone)
}

func namesOf(backlog []waiting) (names []string) {
	for _, e := range backlog {
		if e.kind == kindMetric {
			names = append(names, e.metric.name)
		} else {
			names = append(names, e.flag.Key)
		}
	}
	return names
}

// leave takes everything and settles what is chosen.
func (q *queue) leave(choose func(i int) bool) []string {
	backlog := q.take()
	names := namesOf(backlog)
	chosen := make([]*waiting, 0, len(backlog))
	for i := range backlog {
		if choose(i) {
			chosen = append(chosen, &backlog[i])
		}
	}
	q.settle(chosen)
	q.tidy()
	return names
}

func everything(int) bool { return true }

// TestCapacity: as many events as configured fit, on any number of processors,
// and room is found again wherever it is made.
func TestCapacity(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		for _, capacity := range []int{1, 2, 3, 63, 64, 127, 128, 129, 255, 257, 999, 1024, 1031} {
			t.Run(fmt.Sprintf("%d of %d", capacity, procs), func(t *testing.T) {
				withProcs(t, procs)
				p := inMemory(flush.Config{Capacity: capacity}, &testPlatform{})
				if shards := len(p.queue.shards); shards > max(1, procs) || shards > 1 && capacity/shards < minShard {
					t.Errorf("%d shards", shards)
				}
				fill := func() {
					var wg sync.WaitGroup
					for range procs {
						wg.Go(func() {
							for range capacity/procs + 10 {
								record(p, user("u"), "f")
							}
						})
					}
					wg.Wait()
				}
				fill()
				s := p.Stats()
				checkBooks(t, s)
				if s.Queued != uint64(capacity) {
					t.Fatalf("%d are queued", s.Queued)
				}
				// Make room for one event after the other, in every place.
				for i := range min(capacity, 50) {
					at := (i * 17) % capacity
					p.queue.leave(func(i int) bool { return i == at })
					before := p.Stats()
					record(p, user("u"), "g", "h")
					after := p.Stats()
					if after.Queued != uint64(capacity) || after.Dropped.QueueFull != before.Dropped.QueueFull+1 {
						t.Fatalf("place %d: before %+v, after %+v", at, before, after)
					}
				}
				p.queue.leave(everything)
				fill()
				if got := p.Stats().Queued; got != uint64(capacity) {
					t.Errorf("%d are queued after all had left", got)
				}
			})
		}
	}
}

// TestCapacityOfSeveral: the events of one call are queued all or not at all.
func TestCapacityOfSeveral(t *testing.T) {
	withProcs(t, 8)
	p := inMemory(flush.Config{Capacity: 8}, &testPlatform{})
	three := func() {
		own := served("own", "1", "true")
		p.RecordEvaluation(user("u"), []eval.Result{served("a", "1", "true"), served("b", "1", "true")}, &own)
	}
	three()
	three()
	three() // no room for three, but still for two
	record(p, user("u"), "c", "d", "e")
	checkStats(t, p, flush.Stats{Recorded: 12, Queued: 8, Dropped: flush.Dropped{QueueFull: 4}})
	three() // although it is known by now that there is no room at all
	checkStats(t, p, flush.Stats{Recorded: 15, Queued: 8, Dropped: flush.Dropped{QueueFull: 7}})
	checkEvaluations(t, p, Evaluations{eval.ReasonFallthrough: 7})
	if got := p.queue.leave(everything); !slices.Equal(got, []string{"a", "b", "own", "a", "b", "own", "c", "d"}) {
		t.Errorf("queued: %s", got)
	}
}

// TestRoomForOne: that several events found no room says nothing about one.
func TestRoomForOne(t *testing.T) {
	withProcs(t, 2)
	q := newQueue(2*minShard, 100)
	for shard := range 2 {
		for range minShard - 1 {
			q.put(shard, user("u"), metric{})
		}
	}
	r := served("f", "1", "true")
	q.recordElsewhere(&q.shards[0], q.stamps.now(), user("u"), nil, results{[]eval.Result{r}, &r}, r.Reason)
	if recorded, queued, lost := q.counts(); recorded != 128 || queued != 126 || lost[lossFull] != 2 {
		t.Errorf("%d recorded, %d queued, %d lost", recorded, queued, lost[lossFull])
	}
	for range 3 {
		q.recordElsewhere(&q.shards[0], q.stamps.now(), user("u"), nil, results{nil, &r}, r.Reason)
	}
	if recorded, queued, lost := q.counts(); recorded != 131 || queued != 128 || lost[lossFull] != 3 {
		t.Errorf("%d recorded, %d queued, %d lost", recorded, queued, lost[lossFull])
	}
	// A queue that is shut while a call looks for room has another reason.
	q.shut(lossClosed)
	q.shards[0].lose(1, eval.ReasonOff)
	if _, _, lost := q.counts(); lost[lossFull] != 3 || lost[lossClosed] != 1 {
		t.Errorf("lost: %v", lost)
	}
}

// TestFullQueueReadsNoClock: what is dropped for want of room needs no stamp.
func TestFullQueueReadsNoClock(t *testing.T) {
	t.Parallel()
	q := newQueue(1, 100)
	q.stamps.coarse = true // stamps are counted
	r := served("f", "1", "true")
	record := func(times int, stamps int64) {
		t.Helper()
		for range times {
			q.record(user("u"), nil, results{nil, &r}, r.Reason)
		}
		if got := q.stamps.number.Load(); got != stamps {
			t.Errorf("%d stamps, expected %d", got, stamps)
		}
	}
	record(1, 1)
	record(1, 2) // finds out
	record(5, 2)
	q.leave(everything)
	record(1, 3)
	record(5, 4)
	q.shut(lossClosed)
	record(3, 4)
	if recorded, queued, lost := q.counts(); recorded != 16 || queued != 1 || lost[lossFull] != 11 || lost[lossClosed] != 3 {
		t.Errorf("%d recorded, %d queued, lost %v", recorded, queued, lost)
	}
}

// TestRelease compares a queue with a plain list while events come, are taken,
// settled in any pattern, and come while others are taken. The ring goes
// around many times.
func TestRelease(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		capacity := 1 + random.IntN(20)
		q := newQueue(capacity, 100)
		var model []string
		next := 0
		come := func() {
			for range random.IntN(capacity + 2) {
				name := fmt.Sprint(next)
				next++
				if q.put(0, user("u"), metric{name: name}) {
					model = append(model, name)
				}
				if len(model) > capacity {
					t.Fatalf("seed %d: %d events in %d places", seed, len(model), capacity)
				}
			}
		}
		for range 200 {
			come()
			backlog := q.take()
			if got := namesOf(backlog); !slices.Equal(got, model) {
				t.Fatalf("seed %d: took %s, expected %s", seed, got, model)
			}
			come()
			var kept []string
			var settled []*waiting
			for i := range backlog {
				if random.IntN(3) > 0 {
					settled = append(settled, &backlog[i])
				} else {
					kept = append(kept, model[i])
				}
			}
			model = append(kept, model[len(backlog):]...)
			half := len(settled) / 2
			q.settle(settled[:half])
			if got := q.queued(); got != len(model)+len(settled)-half {
				t.Fatalf("seed %d: %d are queued after half were settled, expected %d", seed, got, len(model)+len(settled)-half)
			}
			q.settle(settled[half:])
			if got := q.tidy(); got != len(kept) {
				t.Fatalf("seed %d: %d are left of the backlog, expected %d", seed, got, len(kept))
			}
			if got := q.queued(); got != len(model) {
				t.Fatalf("seed %d: %d are queued, expected %d", seed, got, len(model))
			}
		}
	}
}

// TestOrderOverShards spreads what one goroutine records over all shards.
func TestOrderOverShards(t *testing.T) {
	withProcs(t, 8)
	for _, coarse := range []bool{false, true} {
		for seed := range uint64(10) {
			q := newQueue(1000, 100)
			if len(q.shards) != 8 {
				t.Fatalf("%d shards", len(q.shards))
			}
			q.stamps.coarse = q.stamps.coarse || coarse
			random := rand.New(rand.NewPCG(seed, 4))
			var model []string
			next := 0
			for range 20 {
				for range random.IntN(60) {
					name := fmt.Sprint(next)
					next++
					if q.put(random.IntN(8), user("u"), metric{name: name}) {
						model = append(model, name)
					}
				}
				var kept []string
				got := q.leave(func(i int) bool {
					if settled := random.IntN(2) == 0; settled {
						return true
					}
					kept = append(kept, model[i])
					return false
				})
				if !slices.Equal(got, model) {
					t.Fatalf("coarse %v, seed %d: took %s\nexpected %s", coarse, seed, got, model)
				}
				model = kept
			}
		}
	}
}

// TestOrderWhereClockStands: in a bubble all events have the same time.
func TestOrderWhereClockStands(t *testing.T) {
	withProcs(t, 8)
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1000, 100)
		if !q.stamps.coarse {
			t.Error("the clock passes for a fine one")
		}
		var want []string
		for i := range 500 {
			want = append(want, fmt.Sprint(i))
			q.put(7-i%8, user("u"), metric{name: want[i]})
		}
		if got := q.leave(everything); !slices.Equal(got, want) {
			t.Errorf("took %s", got)
		}
	})
}

// TestTakeIsOneMoment: an event is never taken without those that the same
// goroutine recorded before it, wherever they are.
func TestTakeIsOneMoment(t *testing.T) {
	withProcs(t, 8)
	for _, coarse := range []bool{false, true} {
		q := newQueue(10_000, 100)
		q.stamps.coarse = q.stamps.coarse || coarse
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			u := user("u")
			wg.Go(func() {
				for i := 0; !isClosed(stop); i++ {
					for !q.put((7*i)%8, u, metric{value: float64(i)}) && !isClosed(stop) {
						runtime.Gosched()
					}
				}
			})
		}
		next := map[*eval.User]float64{}
		for taken := 0; taken < 20_000; {
			backlog := q.take()
			events := make([]*waiting, len(backlog))
			for i := range backlog {
				e := &backlog[i]
				if e.metric.value != next[e.user] {
					t.Errorf("coarse %v: took %v, expected %v", q.stamps.coarse, e.metric.value, next[e.user])
				}
				next[e.user] = e.metric.value + 1
				events[i] = e
			}
			taken += len(events)
			q.settle(events)
			q.tidy()
			if t.Failed() {
				break
			}
		}
		close(stop)
		wg.Wait()
	}
}

// TestShardsShareNoCacheLine keeps cores that record apart.
func TestShardsShareNoCacheLine(t *testing.T) {
	t.Parallel()
	var s shard
	if last := unsafe.Offsetof(s.wake) + unsafe.Sizeof(s.wake); unsafe.Sizeof(s)-last < 64 {
		t.Errorf("%d bytes between two shards", unsafe.Sizeof(s)-last)
	}
}

func TestEvaluations(t *testing.T) {
	t.Parallel()
	p := inMemory(flush.Config{Capacity: 2}, &testPlatform{})
	record(p, user("u"), "a", "b", "c") // also what finds no room
	p.RecordMetric(user("u"), "m", 1)   // is no evaluation
	p.RecordFallback(eval.ReasonFlagNotFound)
	checkError(t, p.Close(t.Context()), &flush.Error{Delivered: 2, Dropped: 2, Cause: flush.ErrQueueFull})
	record(p, user("u"), "d") // also after Close
	p.RecordFallback(eval.ReasonFlagNotFound)
	checkEvaluations(t, p, Evaluations{eval.ReasonFallthrough: 4, eval.ReasonFlagNotFound: 2})
}

// TestMoreEventsThanAShard: an evaluation with more prerequisites than a shard
// has places uses the places of all shards, and keeps its own event.
func TestMoreEventsThanAShard(t *testing.T) {
	withProcs(t, 8)
	tests := []struct {
		name          string
		before        int // events that wait
		prerequisites int
		recorded      int // prerequisites that find room
	}{
		{name: "fits all shards", prerequisites: 899, recorded: 899},
		{name: "fills all shards", prerequisites: 1023, recorded: 1023},
		{name: "one too many", prerequisites: 1024, recorded: 1023},
		{name: "thousands", prerequisites: 8190, recorded: 1023},
		{name: "beside others", before: 500, prerequisites: 8190, recorded: 523},
		{name: "beside others, with one place", before: 1023, prerequisites: 8190, recorded: 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := inMemory(flush.Config{Capacity: 1024}, &testPlatform{})
			if len(p.queue.shards) != 8 {
				t.Fatalf("%d shards", len(p.queue.shards))
			}
			record(p, user("v"), make([]string, test.before)...)
			prerequisites := make([]eval.Result, test.prerequisites)
			for i := range prerequisites {
				prerequisites[i] = served(fmt.Sprint(i), "1", "true")
			}
			own := served("own", "1", "true")
			p.RecordEvaluation(user("u"), prerequisites, &own)
			s := p.Stats()
			checkBooks(t, s)
			all := uint64(test.before + test.prerequisites + 1)
			if s.Recorded != all || s.Dropped != (flush.Dropped{QueueFull: uint64(test.prerequisites - test.recorded)}) {
				t.Errorf("Stats: %+v", s)
			}
			checkEvaluations(t, p, Evaluations{eval.ReasonFallthrough: uint64(test.before + 1)})
			var want []string
			for i := test.prerequisites - test.recorded; i < test.prerequisites; i++ {
				want = append(want, fmt.Sprint(i))
			}
			want = append(want, "own")
			if got := p.queue.leave(everything)[test.before:]; !slices.Equal(got, want) {
				t.Errorf("queued: %s\nexpected: %s", got, want)
			}
		})
	}
	t.Run("full queue", func(t *testing.T) {
		p := inMemory(flush.Config{Capacity: 1024}, &testPlatform{})
		record(p, user("v"), make([]string, 1024)...)
		own := served("own", "1", "true")
		p.RecordEvaluation(user("u"), make([]eval.Result, 2000), &own)
		checkStats(t, p, flush.Stats{Recorded: 3025, Queued: 1024, Dropped: flush.Dropped{QueueFull: 2001}})
	})
	t.Run("closed", func(t *testing.T) {
		p := inMemory(flush.Config{Capacity: 1024}, &testPlatform{})
		p.queue.shut(lossClosed)
		own := served("own", "1", "true")
		p.RecordEvaluation(user("u"), make([]eval.Result, 2000), &own)
		checkStats(t, p, flush.Stats{Recorded: 2001, Dropped: flush.Dropped{Closed: 2001}})
	})
}
