package queuetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// failures returns the checks that queues fail, each with a queue of its own.
func failures(t *testing.T, open func() flush.Queue, config Config) (failed []string) {
	t.Helper()
	for _, c := range checks {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			q := open()
			if err := c.run(&queue{ctx, func() flush.Queue { return q }, config}); err != nil {
				t.Logf("%s: %v", c.name, err)
				failed = append(failed, c.name)
			}
		})
	}
	return failed
}

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() *Memory{
		"unlimited": func() *Memory { return &Memory{} },
		"limited":   func() *Memory { return &Memory{MaxBody: 200_000, Limit: 1 << 20, Timeout: time.Second} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open()
			if failed := failures(t, func() flush.Queue { return open() }, Config{Timeout: m.Timeout, Limit: m.Limit}); len(failed) > 0 {
				t.Errorf("fails in %q", failed)
			}
		})
	}
}

// Run itself, with real time.
func TestRun(t *testing.T) {
	t.Parallel()
	queues := make(map[string]*Memory)
	Run(t, Config{Open: func(t *testing.T) flush.Queue {
		if queues[t.Name()] == nil {
			queues[t.Name()] = &Memory{}
		}
		return queues[t.Name()]
	}})
}

// wrong is a queue with one mistake.
type wrong struct {
	*Memory
	put   func(m *Memory, ctx context.Context, b flush.Batch) error
	take  func(m *Memory, ctx context.Context, most int) ([]flush.Delivery, error)
	alter func(d *flush.Delivery)
	size  func(s *flush.QueueSize)
}

func (w wrong) Size(ctx context.Context) ([]flush.QueueSize, error) {
	sizes, err := w.Memory.Size(ctx)
	for i := range sizes {
		if w.size != nil {
			w.size(&sizes[i])
		}
	}
	return sizes, err
}

func (w wrong) Put(ctx context.Context, b flush.Batch) error {
	if w.put != nil {
		return w.put(w.Memory, ctx, b)
	}
	return w.Memory.Put(ctx, b)
}

func (w wrong) Take(ctx context.Context, most int) ([]flush.Delivery, error) {
	take := (*Memory).Take
	if w.take != nil {
		take = w.take
	}
	taken, err := take(w.Memory, ctx, most)
	for i := range taken {
		if w.alter != nil {
			w.alter(&taken[i])
		}
	}
	return taken, err
}

func TestSuiteFindsMistakes(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context) error { return nil }
	var puts atomic.Int64
	tests := map[string]struct {
		queue wrong
		check string // that must fail
	}{
		"forgets the time":  {wrong{alter: func(d *flush.Delivery) { d.At = time.Time{} }}, "Batch"},
		"forgets the route": {wrong{alter: func(d *flush.Delivery) { d.Route = "" }}, "Batch"},
		"text only": {wrong{put: func(m *Memory, ctx context.Context, b flush.Batch) error {
			b.Body = []byte(string([]rune(string(b.Body))))
			return m.Put(ctx, b)
		}}, "Batch"},
		"too large without a word": {wrong{put: func(m *Memory, ctx context.Context, b flush.Batch) error {
			if len(b.Body) > 150_000 {
				return errors.New("413")
			}
			return m.Put(ctx, b)
		}}, "Sizes"},
		"takes more than most": {wrong{take: func(m *Memory, ctx context.Context, most int) ([]flush.Delivery, error) {
			return m.Take(ctx, most+1)
		}}, "Many"},
		"takes more than most, of others": {wrong{take: func(m *Memory, ctx context.Context, most int) ([]flush.Delivery, error) {
			taken, err := m.Take(ctx, most)
			m.mu.Lock()
			defer m.mu.Unlock()
			if more, _ := m.take(1); len(more) > 0 && more[0].Environment != taken[0].Environment {
				taken = append(taken, more[0])
			}
			return taken, err
		}}, "Many"},
		"takes none for none": {wrong{take: func(m *Memory, ctx context.Context, most int) ([]flush.Delivery, error) {
			if most < 1 {
				return nil, nil
			}
			return m.Take(ctx, most)
		}}, "Many"},
		"keeps the body": {wrong{put: func(m *Memory, ctx context.Context, b flush.Batch) error {
			err := m.Put(ctx, b)
			m.mu.Lock()
			defer m.mu.Unlock()
			if n := len(m.waiting); err == nil && n > 0 {
				m.waiting[n-1].batch.Body = b.Body
			}
			return err
		}}, "Batch"},
		"changes the body": {wrong{put: func(m *Memory, ctx context.Context, b flush.Batch) error {
			err := m.Put(ctx, b)
			b.Body[0] = 0
			return err
		}}, "Batch"},
		"returns at once": {wrong{take: func(m *Memory, ctx context.Context, most int) ([]flush.Delivery, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			return m.Take(ctx, most)
		}}, "Lost"},
		"gives to all": {wrong{alter: func(d *flush.Delivery) { _ = d.Again(context.Background(), 0) }}, "Many"},
		"done is not":  {wrong{alter: func(d *flush.Delivery) { d.Done = nothing }}, "Done"},
		"loses what is given back": {wrong{alter: func(d *flush.Delivery) {
			done := d.Done
			d.Again = func(ctx context.Context, _ time.Duration) error { return done(ctx) }
		}}, "Again"},
		"again at once": {wrong{alter: func(d *flush.Delivery) {
			again := d.Again
			d.Again = func(ctx context.Context, _ time.Duration) error { return again(ctx, 0) }
		}}, "Again"},
		"counts no tries": {wrong{alter: func(d *flush.Delivery) { d.Tries = 1 }}, "Again"},
		"removes on Take": {wrong{alter: func(d *flush.Delivery) { _ = d.Done(context.Background()) }}, "Lost"},
		"does not extend": {wrong{alter: func(d *flush.Delivery) { d.Extend = nothing }}, "Extend"},
		"full without a word": {wrong{put: func(m *Memory, ctx context.Context, b flush.Batch) error {
			if err := m.Put(ctx, b); !errors.Is(err, flush.ErrFull) {
				return err
			}
			return nil // drops it
		}}, "Full"},
		"counts too much":        {wrong{size: func(s *flush.QueueSize) { s.Batches++ }}, "Size"},
		"counts no bytes":        {wrong{size: func(s *flush.QueueSize) { s.Bytes = 0 }}, "Size"},
		"is of another":          {wrong{size: func(s *flush.QueueSize) { s.Environment = "other" }}, "Size"},
		"knows when it was made": {wrong{size: func(s *flush.QueueSize) { s.Oldest = s.Oldest.Add(-time.Hour) }}, "Size"},
		"ignores contexts": {wrong{put: func(m *Memory, ctx context.Context, b flush.Batch) error {
			return m.Put(context.WithoutCancel(ctx), b)
		}}, "Context"},
		"loses one of many": {wrong{put: func(m *Memory, ctx context.Context, b flush.Batch) error {
			if puts.Add(1)%50 == 0 {
				return nil
			}
			return m.Put(ctx, b)
		}}, "Concurrency"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := func() flush.Queue {
				q := test.queue
				q.Memory = &Memory{Limit: 4 << 20, Timeout: time.Second}
				return q
			}
			if failed := failures(t, open, Config{Timeout: time.Second, Limit: 4 << 20}); !slices.Contains(failed, test.check) {
				t.Errorf("the suite fails in %q, want %s among them", failed, test.check)
			}
		})
	}
}
