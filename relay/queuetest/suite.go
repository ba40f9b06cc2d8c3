package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// limit is how long a queue may take for what a check expects.
const limit = 30 * time.Second

// quiet is for how long nothing must be taken when nothing is expected.
const quiet = 300 * time.Millisecond

// Config says how to test a queue.
type Config struct {
	// Open returns a queue that is ready to use; each call within one test returns
	// another connection to the same queue, and the first is empty. It may use
	// t.Cleanup. Required.
	Open func(t *testing.T) flush.Queue
	// Timeout is for how long the queue hides a batch that was taken, if it can be
	// configured for a test: 1 to 5 s. 0 leaves out the checks that need to wait for it.
	Timeout time.Duration
	// Limit is how many bytes the queue accepts before it is full, if it can be
	// configured: 256 KiB to 4 MiB, give or take a half. 0 leaves out the check.
	Limit int
}

// Run checks that a flush.Queue keeps its contract.
func Run(t *testing.T, config Config) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit+10*config.Timeout)
			defer cancel()
			if err := c.run(&queue{ctx, func() flush.Queue { return config.Open(t) }, config}); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one part of the suite. Its error says what the queue does wrong.
type check struct {
	name string
	run  func(*queue) error
}

var checks = []check{
	{"Batch", checkBatch},
	{"Sizes", checkSizes},
	{"Many", checkMany},
	{"Wait", checkWait},
	{"Again", checkAgain},
	{"Lost", checkLost},
	{"Extend", checkExtend},
	{"Done", checkDone},
	{"Full", checkFull},
	{"Size", checkSize},
	{"Context", checkContext},
	{"Concurrency", checkConcurrency},
}

// queue is what a check works on.
type queue struct {
	ctx    context.Context
	open   func() flush.Queue
	config Config
}

// batch returns a batch that differs from all with another number.
func batch(i int) flush.Batch {
	return flush.Batch{
		Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff", Route: "/api/public/insight/track",
		Body: fmt.Appendf(nil, `[{"user":{"keyId":"user %d"},"metrics":[]}]`, i), At: time.Now(),
	}
}

// same returns how a batch differs from what was put. Times may lose what is less than
// a millisecond.
func same(got, want flush.Batch) error {
	switch apart := got.At.Sub(want.At).Abs(); {
	case got.Environment != want.Environment || got.Route != want.Route:
		return fmt.Errorf("took a batch of %q for %q, want %q, %q", got.Environment, got.Route, want.Environment, want.Route)
	case !bytes.Equal(got.Body, want.Body):
		return fmt.Errorf("took a body of %d bytes, want %d other ones", len(got.Body), len(want.Body))
	case apart >= time.Millisecond:
		return fmt.Errorf("took a batch made at %v, want %v", got.At, want.At)
	}
	return nil
}

// put puts a batch, and changes its body afterwards, which is the caller's.
func (q *queue) put(into flush.Queue, b flush.Batch) error {
	own := bytes.Clone(b.Body)
	original := b.Body
	b.Body = own
	err := into.Put(q.ctx, b)
	if !bytes.Equal(own, original) {
		return errors.New("Put has changed the body of the caller")
	}
	for i := range own {
		own[i] = ' '
	}
	if err != nil {
		return fmt.Errorf("calling Put: %w", err)
	}
	return nil
}

// take takes batches, and checks how many they are.
func (q *queue) take(ctx context.Context, from flush.Queue, most int) ([]flush.Delivery, error) {
	taken, err := from.Take(ctx, most)
	switch {
	case err != nil:
		return taken, fmt.Errorf("calling Take: %w", err)
	case len(taken) == 0 || len(taken) > max(most, 1):
		return taken, fmt.Errorf("Take of up to %d returned %d batches", most, len(taken))
	}
	return taken, nil
}

// one puts a batch, unless it is nil, and takes one.
func (q *queue) one(from flush.Queue, put *flush.Batch) (flush.Delivery, error) {
	if put != nil {
		if err := q.put(from, *put); err != nil {
			return flush.Delivery{}, err
		}
	}
	taken, err := from.Take(q.ctx, 10)
	switch {
	case err != nil:
		return flush.Delivery{}, fmt.Errorf("calling Take: %w", err)
	case len(taken) != 1:
		return flush.Delivery{}, fmt.Errorf("Take returned %d batches, want the one that was put", len(taken))
	case taken[0].Extend == nil || taken[0].Done == nil || taken[0].Again == nil:
		return flush.Delivery{}, errors.New("Take returned a delivery without its functions")
	}
	return taken[0], nil
}

// nothing returns an error if there is something to take within d.
func (q *queue) nothing(from flush.Queue, d time.Duration) error {
	ctx, cancel := context.WithTimeout(q.ctx, d)
	defer cancel()
	taken, err := from.Take(ctx, 10)
	if err == nil && len(taken) > 0 {
		return fmt.Errorf("Take returned %d batches, want none", len(taken))
	}
	return nil
}

func checkBatch(q *queue) error {
	from := q.open()
	for _, b := range []flush.Batch{
		batch(1),
		{Environment: "FF__1__2__3", Route: "/api/public/track", Body: []byte("[\"\\u0000\xff\x00 \n é\"]"), At: time.Now().Add(-72 * time.Hour)},
		{Environment: "a b/../{c}:*?é\"\\", Route: "/other?x=\"y\"", Body: []byte("[]"), At: time.Now()},
	} {
		d, err := q.one(from, &b)
		if err != nil {
			return err
		}
		if err := same(d.Batch, b); err != nil {
			return err
		}
		if d.Tries != 1 {
			return fmt.Errorf("the value of Tries is %d, want 1", d.Tries)
		}
		if err := d.Done(q.ctx); err != nil {
			return fmt.Errorf("calling Done: %w", err)
		}
	}
	return nil
}

// random returns JSON that cannot be compressed much.
func random(size int) []byte {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	text := make([]byte, size)
	for i := range text {
		text[i] = characters[rand.IntN(len(characters))]
	}
	copy(text, `["`)
	copy(text[size-2:], `"]`)
	return text
}

func checkSizes(q *queue) error {
	from := q.open()
	accepted := 0
	for _, size := range []int{4, 10_000, 100_000, 190_000, 256 << 10, 512 << 10, 1536 << 10} {
		b := batch(0)
		b.Body = random(size)
		switch err := from.Put(q.ctx, b); {
		case errors.Is(err, flush.ErrTooLarge):
			if size <= 100_000 {
				return fmt.Errorf("Put of %d bytes: %w", size, err)
			}
			continue
		case errors.Is(err, flush.ErrFull) && q.config.Limit > 0 && size > q.config.Limit/2:
			continue
		case err != nil:
			return fmt.Errorf("Put of %d bytes: %w: expected nil or ErrTooLarge", size, err)
		}
		accepted++
		d, err := q.one(from, nil)
		if err != nil {
			return err
		}
		if err := same(d.Batch, b); err != nil {
			return err
		}
		if err := d.Done(q.ctx); err != nil {
			return fmt.Errorf("calling Done: %w", err)
		}
	}
	return nil
}

// checkMany: Take keeps to its limit, for all environments together, and all batches
// come once.
func checkMany(q *queue) error {
	from, other := q.open(), q.open()
	const n, environments = 25, 3
	for i := range n {
		b := batch(i)
		b.Environment += fmt.Sprint("-", i%environments)
		if err := q.put(from, b); err != nil {
			return err
		}
	}
	seen := make(map[string]bool)
	limits := []int{1, 7, 2, 0, -1, 100}
	for turn := 0; len(seen) < n; turn++ {
		taker := from
		if turn%2 == 1 {
			taker = other
		}
		taken, err := q.take(q.ctx, taker, limits[turn%len(limits)])
		if err != nil {
			return fmt.Errorf("after %d of %d batches: %w", len(seen), n, err)
		}
		for _, d := range taken {
			if seen[string(d.Body)] {
				return errors.New("a batch was taken twice although its time is not over")
			}
			seen[string(d.Body)] = true
			if err := d.Done(q.ctx); err != nil {
				return fmt.Errorf("calling Done: %w", err)
			}
		}
	}
	return q.nothing(from, quiet)
}

// checkWait: Take waits for a batch that comes later, and for nothing else.
func checkWait(q *queue) error {
	from, other := q.open(), q.open()
	if err := q.nothing(from, quiet); err != nil {
		return err
	}
	taken := make(chan error, 1)
	go func() {
		d, err := q.one(from, nil)
		if err == nil {
			err = d.Done(q.ctx)
		}
		taken <- err
	}()
	if err := other.Put(q.ctx, batch(1)); err != nil {
		return fmt.Errorf("calling Put: %w", err)
	}
	return <-taken
}

// checkAgain: a batch that is given back is taken again, and counts its tries.
func checkAgain(q *queue) error {
	from, other := q.open(), q.open()
	b := batch(1)
	d, err := q.one(from, &b)
	if err != nil {
		return err
	}
	for tries := 2; tries <= 3; tries++ {
		if err := d.Again(q.ctx, 0); err != nil {
			return fmt.Errorf("calling Again: %w", err)
		}
		if d, err = q.one(other, nil); err != nil {
			return err
		}
		if err := same(d.Batch, b); err != nil {
			return err
		}
		if d.Tries != tries {
			return fmt.Errorf("the value of Tries is %d, want %d", d.Tries, tries)
		}
	}
	if err := d.Again(q.ctx, time.Hour); err != nil {
		return fmt.Errorf("calling Again: %w", err)
	}
	if q.config.Timeout > 0 && q.config.Timeout <= quiet {
		return nil
	}
	return q.nothing(from, quiet)
}

// checkLost: a batch whose taker has ended is taken by another.
func checkLost(q *queue) error {
	if q.config.Timeout == 0 {
		return nil
	}
	b := batch(1)
	if _, err := q.one(q.open(), &b); err != nil {
		return err
	}
	d, err := q.one(q.open(), nil)
	if err != nil {
		return err
	}
	if d.Tries != 2 {
		return fmt.Errorf("the value of Tries is %d, want 2", d.Tries)
	}
	if err := d.Done(q.ctx); err != nil {
		return fmt.Errorf("calling Done: %w", err)
	}
	return nil
}

// checkExtend: a batch that is extended is not taken by another.
func checkExtend(q *queue) error {
	timeout := q.config.Timeout
	from, other := q.open(), q.open()
	b := batch(1)
	var began time.Time
	d, err := q.one(from, &b)
	if err != nil {
		return err
	}
	if timeout == 0 {
		return d.Extend(q.ctx)
	}
	for range 3 { // the last one ends after the first timeout
		time.Sleep(timeout * 6 / 10)
		began = time.Now()
		if err := d.Extend(q.ctx); err != nil {
			return fmt.Errorf("calling Extend: %w", err)
		}
		err := q.nothing(other, timeout/10)
		if late := time.Since(began) > timeout; err != nil && !late {
			return fmt.Errorf("after Extend: %w", err)
		} else if late {
			return nil // the machine is too busy to tell
		}
	}
	return d.Done(q.ctx)
}

// checkDone: a batch that is done does not come back.
func checkDone(q *queue) error {
	from := q.open()
	b := batch(1)
	d, err := q.one(from, &b)
	if err != nil {
		return err
	}
	if err := d.Done(q.ctx); err != nil {
		return fmt.Errorf("calling Done: %w", err)
	}
	return q.nothing(from, max(quiet, q.config.Timeout*3/2))
}

// checkFull: a full queue says so, and has room again after Done.
func checkFull(q *queue) error {
	if q.config.Limit == 0 {
		return nil
	}
	from := q.open()
	b := batch(0)
	b.Body = random(32 << 10)
	puts := 0
	for ; ; puts++ {
		err := from.Put(q.ctx, b)
		if errors.Is(err, flush.ErrFull) {
			break
		}
		if err != nil {
			return fmt.Errorf("Put: %w: expected nil or ErrFull", err)
		}
		if puts*len(b.Body) > 2*q.config.Limit {
			return fmt.Errorf("%d bytes are in a queue with a limit of %d: expected ErrFull", puts*len(b.Body), q.config.Limit)
		}
	}
	if puts*len(b.Body) < q.config.Limit/4 {
		return fmt.Errorf("the queue is full with %d bytes, its limit is %d", puts*len(b.Body), q.config.Limit)
	}
	for taken := 0; taken < puts; {
		deliveries, err := q.take(q.ctx, from, 10)
		if err != nil {
			return fmt.Errorf("after %d of %d batches: %w", taken, puts, err)
		}
		for _, d := range deliveries {
			if err := d.Done(q.ctx); err != nil {
				return fmt.Errorf("calling Done: %w", err)
			}
			taken++
		}
	}
	if err := from.Put(q.ctx, b); err != nil {
		return fmt.Errorf("Put after all batches are done: %w", err)
	}
	return nil
}

// checkSize: a flush.QueueSizer counts what was put, also what is taken, until it is
// done.
func checkSize(q *queue) error {
	from := q.open()
	sizer, ok := from.(flush.QueueSizer)
	if !ok {
		return nil
	}
	const batches, size = 3, 20_000
	began := time.Now()
	for i := range batches {
		b := batch(i)
		b.Body, b.At = random(size), began.Add(-time.Hour) // the queue's time counts
		if err := q.put(from, b); err != nil {
			return err
		}
	}
	if err := q.sized(sizer, batches, batches*size, began); err != nil {
		return fmt.Errorf("after Put: %w", err)
	}
	for done := 0; done < batches; {
		taken, err := q.take(q.ctx, from, 1)
		if err != nil {
			return err
		}
		if err := q.sized(sizer, int64(batches-done), (batches-done)*size, began); err != nil {
			return fmt.Errorf("after Take: %w", err)
		}
		for _, d := range taken {
			if err := d.Done(q.ctx); err != nil {
				return fmt.Errorf("calling Done: %w", err)
			}
			done++
		}
	}
	if err := q.sized(sizer, 0, 0, began); err != nil {
		return fmt.Errorf("after Done: %w", err)
	}
	ended, cancel := context.WithCancel(q.ctx)
	cancel()
	if _, err := sizer.Size(ended); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("Size after its context was cancelled: error %v, want context.Canceled", err)
	}
	return nil
}

// sized waits until a queue reports so many batches, since counts may be late, and checks
// the rest of what it reports. The bodies have size bytes, and no batch is older than
// began.
func (q *queue) sized(sizer flush.QueueSizer, batches int64, size int, began time.Time) error {
	for {
		all, err := sizer.Size(q.ctx)
		if err != nil {
			return fmt.Errorf("calling Size: %w", err)
		}
		var got flush.QueueSize
		for _, s := range all {
			if s.Environment != "" && s.Environment != batch(0).Environment {
				return fmt.Errorf("Size returned the environment %q, which has no batches", s.Environment)
			}
			got.Batches += s.Batches
			got.Bytes += s.Bytes
			got.Oldest = s.Oldest
		}
		switch {
		case len(all) > 1:
			return fmt.Errorf("Size returned %d sizes, want that of one environment", len(all))
		case got.Batches != batches:
			if time.Since(began) > limit/2 {
				return fmt.Errorf("Size returned %d batches, want %d", got.Batches, batches)
			}
			time.Sleep(100 * time.Millisecond)
			continue
		case got.Bytes != -1 && (got.Bytes < int64(size/2) || got.Bytes > int64(2*size)):
			return fmt.Errorf("Size returned %d bytes for bodies of %d", got.Bytes, size)
		case batches == 0 && !got.Oldest.IsZero():
			return fmt.Errorf("Size returned an oldest batch, put at %v, of an empty queue", got.Oldest)
		case batches > 0 && !got.Oldest.IsZero() && got.Oldest.Sub(began).Abs() > limit:
			return fmt.Errorf("Size returned that the oldest batch was put at %v, want about %v", got.Oldest, began)
		}
		return nil
	}
}

// checkContext: a context that has ended ends each call.
func checkContext(q *queue) error {
	from := q.open()
	b := batch(1)
	d, err := q.one(from, &b)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(q.ctx)
	cancel()
	for name, call := range map[string]func() error{
		"Put":    func() error { return from.Put(ctx, batch(2)) },
		"Take":   func() error { _, err := from.Take(ctx, 1); return err },
		"Extend": func() error { return d.Extend(ctx) },
		"Done":   func() error { return d.Done(ctx) },
		"Again":  func() error { return d.Again(ctx, 0) },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s after its context was cancelled: error %v, want context.Canceled", name, err)
		}
	}
	short, stop := context.WithTimeout(q.ctx, quiet)
	defer stop()
	if _, err := from.Take(short, 1); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("Take of an empty queue: error %v, want that of its context", err)
	}
	return d.Done(q.ctx)
}

// checkConcurrency: many put and take at the same time.
func checkConcurrency(q *queue) error {
	const putters, each, takers = 8, 20, 4
	ctx, cancel := context.WithCancel(q.ctx)
	defer cancel()
	var (
		mu     sync.Mutex
		seen   = make(map[string]int)
		failed error
		all    sync.WaitGroup
	)
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil && !errors.Is(err, context.Canceled) {
			failed = err
			cancel()
		}
	}
	shared := q.open()
	for i := range putters {
		all.Go(func() {
			for j := range each {
				if err := shared.Put(ctx, batch(1000*i+j)); err != nil {
					fail(fmt.Errorf("calling Put: %w", err))
				}
			}
		})
	}
	for i := range takers {
		all.Go(func() {
			from := shared
			if i%2 == 1 {
				from = q.open()
			}
			for {
				taken, err := q.take(ctx, from, 5)
				if err != nil {
					if ctx.Err() == nil {
						fail(err)
					}
					return
				}
				for _, d := range taken {
					if err := d.Done(q.ctx); err != nil {
						fail(fmt.Errorf("calling Done: %w", err))
					}
					mu.Lock()
					seen[string(d.Body)]++
					if len(seen) == putters*each {
						cancel()
					}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if failed != nil {
		return failed
	}
	if len(seen) != putters*each {
		return fmt.Errorf("%d of %d batches were taken: %w", len(seen), putters*each, context.Cause(q.ctx))
	}
	for body, n := range seen {
		if n > 1 && q.config.Timeout == 0 {
			return fmt.Errorf("%s was taken %d times although its time was not over", strings.TrimSpace(body), n)
		}
	}
	return nil
}
