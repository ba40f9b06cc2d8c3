package event

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestBooks records and flushes from many goroutines through a platform that
// fails in every way that can pass. At all times every event is accounted for;
// in the end all have arrived, each user's in order.
func TestBooks(t *testing.T) {
	t.Parallel()
	seeds, sockets := uint64(3), uint64(1)
	if testkit.All() {
		seeds, sockets = 6, 3
	}
	onBoth(t, func(t *testing.T, d *platform.Protocol) {
		for seed := range seeds {
			t.Run(fmt.Sprintf("in memory, seed %d", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStorm(seed, flush.Config{BatchSize: 7, Requests: 3, Timeout: time.Second, RetryWait: 10 * time.Millisecond})
					s.pace, s.asks = 200*time.Millisecond, true
					s.run(t, inMemoryOf(d, s.cfg, &s.testPlatform))
				})
			})
		}
	})
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("short of room, seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStorm(seed, flush.Config{Capacity: 61, BatchSize: 4, Requests: 2, Timeout: time.Second})
				s.pace = 5 * time.Millisecond
				s.run(t, inMemory(s.cfg, &s.testPlatform))
			})
		})
	}
	for seed := range sockets {
		t.Run(fmt.Sprintf("over loopback, seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newStorm(seed, flush.Config{BatchSize: 50, Requests: 3, Timeout: 30 * time.Millisecond, RetryWait: time.Millisecond})
			s.run(t, overLoopback(t, s.cfg, &s.testPlatform))
		})
	}
}

// storm is one run of the test.
type storm struct {
	testPlatform
	cfg  flush.Config
	pace time.Duration // what a step of a goroutine takes at most; 0 outside of a bubble
	asks bool          // the testPlatform may send Retry-After

	calm atomic.Bool // the testPlatform works

	mu      sync.Mutex
	random  *rand.Rand
	last    map[string]int          // number of the newest event of each list of a user
	here    map[string]map[int]bool // numbers that have arrived, by user
	arrived int                     // with repetitions
	wrong   []string
}

func newStorm(seed uint64, cfg flush.Config) *storm {
	s := &storm{
		cfg:    cfg,
		random: rand.New(rand.NewPCG(seed, 1)),
		last:   map[string]int{},
		here:   map[string]map[int]bool{},
	}
	s.answer = s.decide
	return s
}

// chance returns a number from 0 to n-1.
func (s *storm) chance(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

// pause ends a step of a goroutine.
func (s *storm) pause() {
	if s.pace == 0 {
		runtime.Gosched()
		return
	}
	time.Sleep(time.Duration(s.chance(int(s.pace))))
}

// decide answers a request, and notes what arrived with it unless the answer
// says that it did not.
func (s *storm) decide(_ int, items []item) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := reply{}
	if !s.calm.Load() {
		switch d := s.random.IntN(100); {
		case d < 10:
			return reply{status: 503}
		case d < 13 && s.asks:
			return reply{status: 429, after: "1"}
		case d < 18 && len(items) > 1:
			return reply{status: 413}
		case d < 26:
			r.err = errReset
		case d < 30:
			r.stall = true
		case d < 40:
			r.wait = time.Millisecond
		}
	}
	for i := range items {
		who := items[i].User.KeyID
		var number int
		if _, err := fmt.Sscanf(items[i].name(), "%d", &number); err != nil {
			s.wrong = append(s.wrong, err.Error())
		}
		s.arrived++
		if s.here[who] == nil {
			s.here[who] = map[int]bool{}
		}
		if s.here[who][number] {
			continue // sent again
		}
		list := items[i].list()
		if number <= s.last[list] {
			s.wrong = append(s.wrong, fmt.Sprintf("%s: %d arrived after %d", list, number, s.last[list]))
		}
		s.last[list] = number
		s.here[who][number] = true
	}
	return r
}

// run lets the storm loose and takes stock.
func (s *storm) run(t *testing.T, p *Processor) {
	t.Helper()
	var recorders, others sync.WaitGroup
	ended := make(chan struct{})
	for i := range 6 {
		recorders.Go(func() { s.recorder(t, p, i) })
	}
	for range 3 {
		others.Go(func() {
			for !isClosed(ended) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(s.chance(int(max(5*s.pace, 20*time.Millisecond)))))
				var failed *flush.Error
				if err := p.Flush(ctx); err != nil && !errors.As(err, &failed) {
					t.Errorf("Flush: %v", err)
				}
				cancel()
				s.pause()
			}
		})
	}
	others.Go(func() {
		var before flush.Stats
		for !isClosed(ended) {
			now := p.Stats()
			checkBooks(t, now)
			if now.Recorded < before.Recorded || now.Delivered < before.Delivered || now.Dropped.Total() < before.Dropped.Total() {
				t.Errorf("counts fell from %+v to %+v", before, now)
			}
			if now.Queued > uint64(p.cfg.Capacity) {
				t.Errorf("%d are queued, capacity is %d", now.Queued, p.cfg.Capacity)
			}
			before = now
			s.pause()
		}
	})
	recorders.Wait()
	close(ended)
	others.Wait()
	s.calm.Store(true)
	for {
		err := p.Flush(t.Context())
		if err == nil {
			break
		}
		if s.asks {
			time.Sleep(time.Second) // in a bubble
		}
	}
	s.takeStock(t, p.Stats())
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// recorder records events of two users, numbered, and sometimes flushes.
func (s *storm) recorder(t *testing.T, p *Processor, n int) {
	users := []*eval.User{user(fmt.Sprintf("%d-a", n)), user(fmt.Sprintf("%d-b", n))}
	numbers := make([]int, len(users))
	next := func(i int) eval.Result {
		numbers[i]++
		return served(fmt.Sprint(numbers[i]), "1", "true")
	}
	random := rand.New(rand.NewPCG(uint64(n), 2))
	for range 150 {
		i := random.IntN(len(users))
		switch random.IntN(20) {
		case 0:
			before := numbers[i]
			if err := p.Flush(t.Context()); err == nil && p.cfg.Capacity >= 10_000 {
				s.checkHere(t, users[i].Key, before)
			}
		case 1, 2:
			numbers[i]++
			p.RecordMetric(users[i], fmt.Sprint(numbers[i]), 1)
		case 3, 4, 5:
			prerequisites := []eval.Result{next(i), next(i)}
			own := next(i)
			p.RecordEvaluation(users[i], prerequisites, &own)
		default:
			own := next(i)
			p.RecordEvaluation(users[i], nil, &own)
		}
		s.pause()
	}
}

// checkHere fails the test unless all events of a user up to a number have
// arrived.
func (s *storm) checkHere(t *testing.T, who string, number int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i <= number; i++ {
		if !s.here[who][i] {
			t.Errorf("Flush returned nil, but %d of %d events of %s has not arrived", i, number, who)
		}
	}
}

func (s *storm) takeStock(t *testing.T, got flush.Stats) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, wrong := range s.wrong {
		t.Error(wrong)
	}
	checkBooks(t, got)
	distinct := 0
	for _, numbers := range s.here {
		distinct += len(numbers)
	}
	if got.Queued != 0 || got.Dropped.Total() != got.Dropped.QueueFull {
		t.Errorf("Stats: %+v", got)
	}
	if uint64(distinct) != got.Delivered {
		t.Errorf("%d events arrived, %d count as delivered", distinct, got.Delivered)
	}
	if repeated := uint64(s.arrived - distinct); repeated > got.Resent {
		t.Errorf("%d events arrived again, %d count as resent", repeated, got.Resent)
	}
	if got.Delivered == 0 || got.Resent == 0 {
		t.Errorf("no event was delivered or sent again: %+v", got)
	}
	if s.cfg.Capacity == 0 && got.Dropped.Total() != 0 {
		t.Errorf("events were dropped: %+v", got)
	}
}
