package event

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestBooksAtAnyClose plays random schedules of recording, deliveries in the
// background and on demand, some of them cancelled, and failures, and closes
// at any moment. Whatever happens, every event is accounted for.
func TestBooksAtAnyClose(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playSchedule(t, seed) })
		})
	}
}

func playSchedule(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 3))
	cfg := flush.Config{
		Interval:  time.Duration(random.IntN(2)) * 50 * time.Millisecond,
		Capacity:  []int{0, 50, 1}[random.IntN(3)],
		BatchSize: 1 + random.IntN(10),
		Requests:  1 + random.IntN(4),
		Retries:   random.IntN(3) - 1,
		RetryWait: time.Duration(1 + random.IntN(20)*int(time.Millisecond)),
		Timeout:   time.Second,
	}
	s := newStorm(seed, cfg)
	s.pace, s.asks = 20*time.Millisecond, true
	d := classic.Protocol()
	if seed%2 == 1 {
		d = featbit.Protocol()
	}
	p := inMemoryOf(d, s.cfg, &s.testPlatform)

	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	if p.Background() {
		all.Go(func() { p.Run(ctx) })
	}
	for i := range 4 {
		all.Go(func() {
			u := user(fmt.Sprint(i))
			for n := 1; n <= 150; n++ {
				r := served(fmt.Sprint(n), "1", "true")
				p.RecordEvaluation(u, nil, &r)
				s.pause()
			}
		})
	}
	all.Go(func() {
		for range 30 {
			short, cancel := context.WithTimeout(t.Context(), time.Duration(s.chance(100))*time.Millisecond)
			if s.chance(10) == 0 {
				cancel() // before it begins
			}
			_ = p.Flush(short)
			cancel()
			checkBooks(t, p.Stats())
			s.pause()
		}
	})
	time.Sleep(time.Duration(s.chance(2000)) * time.Millisecond)
	within, stop := context.WithTimeout(t.Context(), time.Duration(s.chance(500))*time.Millisecond)
	defer stop()
	cancel()
	err := p.Close(within)
	requests := len(s.seen())
	closed := p.Stats()
	checkBooks(t, closed)
	if closed.Queued != 0 {
		t.Errorf("closed with %+v", closed)
	}
	if lost := closed.Dropped.Closed; err == nil && lost != closed.Dropped.Total()-closed.Dropped.QueueFull {
		t.Errorf("Close returned nil, and the books say %+v", closed)
	}
	all.Wait()
	if got := len(s.seen()); got != requests {
		t.Errorf("%d requests after Close", got-requests)
	}

	end := p.Stats()
	checkBooks(t, end)
	if end.Recorded != 600 || end.Delivered != closed.Delivered {
		t.Errorf("in the end: %+v, when it was closed: %+v", end, closed)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, wrong := range s.wrong {
		t.Error(wrong)
	}
	distinct := 0
	for _, numbers := range s.here {
		distinct += len(numbers)
	}
	// What arrived without an answer may have been given up.
	if distinct < int(end.Delivered) || distinct > int(end.Delivered+end.Dropped.Closed) {
		t.Errorf("%d events arrived: %+v", distinct, end)
	}
	if repeated := uint64(s.arrived - distinct); repeated > end.Resent {
		t.Errorf("%d events arrived again, %d count as resent", repeated, end.Resent)
	}
}

// TestMillion sends a million events, or a tenth of them, through a platform that
// fails in every way that can pass: none is unexplained.
func TestMillion(t *testing.T) {
	t.Parallel()
	const recorders = 8
	events := uint64(million)
	if !testkit.All() {
		events /= 10
	}
	sink := &counter{seen: make([][]uint8, recorders)}
	for i := range sink.seen {
		sink.seen[i] = make([]uint8, events/recorders)
	}
	p := New(flush.Config{
		Capacity: 50_000, BatchSize: 1000, Retries: 1, RetryWait: time.Millisecond, Interval: 5 * time.Millisecond,
	}, destination("http://platform.test", &http.Client{Transport: sink}))
	ctx, cancel := context.WithCancel(t.Context())
	var background, all sync.WaitGroup
	background.Go(func() { p.Run(ctx) })
	for i := range recorders {
		all.Go(func() {
			u := user(fmt.Sprint(i))
			for n := range events / recorders {
				p.RecordMetric(u, "m", float64(n))
				if n%10_000 == 0 && i == 0 {
					checkBooks(t, p.Stats())
				}
				if n%1000 == 0 && 2*p.Queued() >= p.Capacity() { // mostly leaves it room
					_ = p.Flush(t.Context())
				}
			}
		})
	}
	all.Wait()
	cancel()
	background.Wait()
	sink.calm.Store(true)
	for p.Flush(t.Context()) != nil {
		runtime.Gosched()
	}
	s := p.Stats()
	checkBooks(t, s)
	var arrived, again, jumps uint64
	for _, seen := range sink.seen {
		for _, times := range seen {
			if times > 0 {
				arrived++
				again += uint64(times) - 1
			}
		}
	}
	if s.Recorded != events || s.Queued != 0 || arrived != s.Delivered || s.Dropped.Total() != s.Dropped.QueueFull {
		t.Errorf("%d events arrived: %+v", arrived, s)
	}
	if again > s.Resent {
		t.Errorf("%d arrived again: %+v", again, s)
	}
	if jumps = sink.disorder.Load(); jumps != 0 {
		t.Errorf("%d events arrived before an earlier one of their user", jumps)
	}
	t.Logf("%+v, %d arrived again", s, again)
}

// counter is a platform that counts metrics by user and value. It reads bodies
// by hand, as there are many.
type counter struct {
	calm     atomic.Bool
	disorder atomic.Uint64

	mu   sync.Mutex
	n    int
	seen [][]uint8
	last [8]int
}

// RoundTrip implements http.RoundTripper.
func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	answer := func(status int) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: http.NoBody}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	lost := false
	if !c.calm.Load() {
		switch {
		case c.n%7 == 0:
			return answer(http.StatusServiceUnavailable)
		case c.n%7 == 5:
			lost = true
		case len(body) > 100_000 && c.n%50 == 3: // halves what follows in the delivery
			return answer(http.StatusRequestEntityTooLarge)
		}
	}
	for item := range bytes.SplitSeq(body, []byte(`{"user":{"keyId":"`)) {
		_, value, ok := bytes.Cut(item, []byte(`"numericValue":`))
		if !ok {
			continue
		}
		value, _, _ = bytes.Cut(value, []byte(","))
		n, err := strconv.Atoi(string(value))
		if err != nil {
			return nil, err
		}
		who := item[0] - '0'
		if c.seen[who][n] == 0 && n < c.last[who] {
			c.disorder.Add(1)
		}
		c.last[who] = max(n, c.last[who])
		c.seen[who][n]++
	}
	if lost {
		return nil, errReset
	}
	return answer(http.StatusOK)
}
