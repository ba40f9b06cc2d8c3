package queuetest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// Memory is a flush.Queue in memory, with faults. Its methods may be called
// concurrently. The zero Memory is empty and ready to use. It must not be copied. Set
// its fields before the first use.
type Memory struct {
	// Limit is how many bytes the bodies of all batches may have; 0 is no limit.
	Limit int
	// MaxBody is how many bytes a body may have; 0 is no limit.
	MaxBody int
	// Timeout is how long a batch that was taken is hidden from others; 0 is 60 s.
	Timeout time.Duration

	mu            sync.Mutex
	waiting       []*entry // in the order of Put
	changed       chan struct{}
	bytes         int
	calls         map[string]int
	before, after Fault
}

// entry is a batch in the queue.
type entry struct {
	batch  flush.Batch
	put    time.Time
	tries  int
	hidden time.Time // until when
	taken  *int      // identifies the last Take
}

// Fault is a function that Memory runs with each call, perhaps concurrently. op is
// "Put", "Take", "Size", "Extend", "Done" or "Again". It may block until ctx ends. If it
// returns an error, the call returns that error.
type Fault func(ctx context.Context, op string) error

var (
	_ flush.Queue      = (*Memory)(nil)
	_ flush.QueueSizer = (*Memory)(nil)
)

// ErrLost is the error of Extend, Done and Again if the batch has been taken by
// another since, or removed.
var ErrLost = errors.New("queuetest: the batch was taken by another, or removed")

// Before sets a Fault that runs before each call. If the Fault returns an error,
// nothing changes. Nil removes the Fault.
func (m *Memory) Before(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = f
}

// After sets a Fault that runs after each call that succeeded. If the Fault returns an
// error, the change has happened although the caller gets an error: a batch is in the
// queue, is gone, or was taken by a caller that does not have it. Nil removes the Fault.
func (m *Memory) After(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after = f
}

// Calls returns how many calls there were of an operation, see Fault.
func (m *Memory) Calls(op string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[op]
}

// Batches returns all batches, also those that are taken, in the order of Put.
func (m *Memory) Batches() (all []flush.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.waiting {
		all = append(all, e.batch)
	}
	return all
}

// Put implements flush.Sink.
func (m *Memory) Put(ctx context.Context, b flush.Batch) error {
	return m.do(ctx, "Put", func() error {
		switch {
		case m.MaxBody > 0 && len(b.Body) > m.MaxBody:
			return flush.ErrTooLarge
		case m.Limit > 0 && m.bytes+len(b.Body) > m.Limit:
			return flush.ErrFull
		}
		b.Body = slices.Clone(b.Body)
		m.bytes += len(b.Body)
		m.waiting = append(m.waiting, &entry{batch: b, put: time.Now()})
		m.wake()
		return nil
	})
}

// Size implements flush.QueueSizer. It returns a size for each environment that has
// batches, sorted by name.
func (m *Memory) Size(ctx context.Context) (sizes []flush.QueueSize, err error) {
	err = m.do(ctx, "Size", func() error {
		of := make(map[string]*flush.QueueSize)
		for _, e := range m.waiting {
			s := of[e.batch.Environment]
			if s == nil {
				s = &flush.QueueSize{Environment: e.batch.Environment, Oldest: e.put}
				of[s.Environment] = s
			}
			s.Batches++
			s.Bytes += int64(len(e.batch.Body))
		}
		for _, name := range slices.Sorted(maps.Keys(of)) {
			sizes = append(sizes, *of[name])
		}
		return nil
	})
	return sizes, err
}

// Take implements flush.Queue.
func (m *Memory) Take(ctx context.Context, most int) (deliveries []flush.Delivery, err error) {
	for {
		var next <-chan struct{}
		var wait time.Duration
		err := m.do(ctx, "Take", func() error {
			deliveries, wait = m.take(max(most, 1))
			next = m.next()
			return nil
		})
		if err != nil || len(deliveries) > 0 {
			return deliveries, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-next:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// take returns what can be taken, or how long nothing can. The lock is held.
func (m *Memory) take(most int) (deliveries []flush.Delivery, wait time.Duration) {
	now := time.Now()
	wait = time.Hour
	for _, e := range m.waiting {
		if left := e.hidden.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if len(deliveries) == most {
			break
		}
		id := new(int)
		e.tries++
		e.taken, e.hidden = id, now.Add(m.timeout())
		b := e.batch
		b.Body = slices.Clone(b.Body)
		deliveries = append(deliveries, flush.Delivery{
			Batch: b, Tries: e.tries,
			Extend: func(ctx context.Context) error {
				return m.of(ctx, "Extend", e, id, func() { e.hidden = time.Now().Add(m.timeout()) })
			},
			Done: func(ctx context.Context) error {
				return m.of(ctx, "Done", e, id, func() {
					m.bytes -= len(e.batch.Body)
					m.waiting = slices.DeleteFunc(m.waiting, func(other *entry) bool { return other == e })
					e.taken = nil
				})
			},
			Again: func(ctx context.Context, after time.Duration) error {
				return m.of(ctx, "Again", e, id, func() {
					e.hidden, e.taken = time.Now().Add(after), nil
					m.wake()
				})
			},
		})
	}
	return deliveries, wait
}

func (m *Memory) timeout() time.Duration { return cmp.Or(m.Timeout, time.Minute) }

// of calls f if the batch is still that of a Take.
func (m *Memory) of(ctx context.Context, op string, e *entry, id *int, f func()) error {
	return m.do(ctx, op, func() error {
		if e.taken != id || !e.hidden.After(time.Now()) {
			return ErrLost
		}
		f()
		return nil
	})
}

// do does a call with its faults.
func (m *Memory) do(ctx context.Context, op string, f func() error) error {
	m.mu.Lock()
	if m.calls == nil {
		m.calls = make(map[string]int)
	}
	m.calls[op]++
	before, after := m.before, m.after
	m.mu.Unlock()
	if before != nil {
		if err := before(ctx, op); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	err := f()
	m.mu.Unlock()
	if err == nil && after != nil {
		err = after(ctx, op)
	}
	return err
}

// next returns a channel that is closed when there may be more to take. The lock is
// held.
func (m *Memory) next() <-chan struct{} {
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}

// wake closes the channel of next. The lock is held.
func (m *Memory) wake() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}
