package fleettest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*Memory{"unlimited": {}, "limited": {Limit: 16 << 10}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Run(t, func(*testing.T) fleet.Backend { return m })
		})
	}
}

// wrong is a backend with one mistake.
type wrong struct {
	*Memory
	get  func(b *Memory, ctx context.Context, name string) ([]byte, string, error)
	put  func(b *Memory, ctx context.Context, name string, value []byte) error
	swap func(b *Memory, ctx context.Context, name string, value []byte, tag string) (string, error)
	del  func(b *Memory, ctx context.Context, name string) error
	see  func(b *Memory, ctx context.Context, name string, changed func()) error
	max  int
}

func (w wrong) Get(ctx context.Context, name string) ([]byte, string, error) {
	if w.get != nil {
		return w.get(w.Memory, ctx, name)
	}
	return w.Memory.Get(ctx, name)
}

func (w wrong) Put(ctx context.Context, name string, value []byte) error {
	if w.put != nil {
		return w.put(w.Memory, ctx, name, value)
	}
	return w.Memory.Put(ctx, name, value)
}

func (w wrong) Swap(ctx context.Context, name string, value []byte, tag string) (string, error) {
	if w.swap != nil {
		return w.swap(w.Memory, ctx, name, value, tag)
	}
	return w.Memory.Swap(ctx, name, value, tag)
}

func (w wrong) Delete(ctx context.Context, name string) error {
	if w.del != nil {
		return w.del(w.Memory, ctx, name)
	}
	return w.Memory.Delete(ctx, name)
}

func (w wrong) Watch(ctx context.Context, name string, changed func()) error {
	if w.see != nil {
		return w.see(w.Memory, ctx, name, changed)
	}
	return w.Memory.Watch(ctx, name, changed)
}

func (w wrong) MaxValue() int { return w.max }

// failures returns the checks that a backend fails.
func failures(t *testing.T, open func() fleet.Backend) (failed []string) {
	t.Helper()
	for _, c := range checks {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if err := c.run(&engine{ctx: ctx, open: open, environment: "env"}); err != nil {
			failed = append(failed, c.name)
		}
		cancel()
	}
	return failed
}

func TestSuiteFindsMistakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		backend wrong
		check   string // that must fail
	}{
		"compare and swap in two steps": {wrong{swap: func(b *Memory, ctx context.Context, name string, value []byte, tag string) (string, error) {
			_, now, err := b.Get(ctx, name)
			if err != nil && !errors.Is(err, fleet.ErrNotFound) {
				return "", err
			}
			if now != tag {
				return "", fleet.ErrConflict
			}
			time.Sleep(time.Millisecond)
			for { // the write does not compare
				_, now, _ = b.Get(ctx, name)
				next, err := b.Swap(ctx, name, value, now)
				if !errors.Is(err, fleet.ErrConflict) {
					return next, err
				}
			}
		}}, "Race"},
		"a missing value is empty": {wrong{get: func(b *Memory, ctx context.Context, name string) ([]byte, string, error) {
			value, tag, err := b.Get(ctx, name)
			if errors.Is(err, fleet.ErrNotFound) {
				err = nil
			}
			return value, tag, err
		}}, "Missing"},
		"Delete of a missing value fails": {wrong{del: func(b *Memory, ctx context.Context, name string) error {
			if _, _, err := b.Get(ctx, name); err != nil {
				return err
			}
			return b.Delete(ctx, name)
		}}, "Missing"},
		"Put a second time fails": {wrong{put: func(b *Memory, ctx context.Context, name string, value []byte) error {
			if _, _, err := b.Get(ctx, name); err == nil {
				return errors.New("exists")
			}
			return b.Put(ctx, name, value)
		}}, "Put"},
		"text only": {wrong{put: func(b *Memory, ctx context.Context, name string, value []byte) error {
			return b.Put(ctx, name, []byte(strings.ToValidUTF8(string(value), "?")))
		}}, "Put"},
		"a limit that is not so":    {wrong{Memory: &Memory{Limit: 20_000}, max: 21_000}, "Sizes"},
		"a limit that is too small": {wrong{max: 1000}, "Sizes"},
		"Swap ignores the tag": {wrong{swap: func(b *Memory, ctx context.Context, name string, value []byte, _ string) (string, error) {
			_, tag, _ := b.Get(ctx, name)
			return b.Swap(ctx, name, value, tag)
		}}, "Swap"},
		"Swap without a tag overwrites": {wrong{swap: func(b *Memory, ctx context.Context, name string, value []byte, tag string) (string, error) {
			if tag == "" {
				_, tag, _ = b.Get(ctx, name)
			}
			return b.Swap(ctx, name, value, tag)
		}}, "Create"},
		"Delete leaves heads": {wrong{del: func(b *Memory, ctx context.Context, name string) error {
			if strings.HasSuffix(name, "/head") {
				return ctx.Err()
			}
			return b.Delete(ctx, name)
		}}, "Delete"},
		"names without case": {wrong{
			get: func(b *Memory, ctx context.Context, name string) ([]byte, string, error) {
				return b.Get(ctx, strings.ToLower(name))
			},
			swap: func(b *Memory, ctx context.Context, name string, value []byte, tag string) (string, error) {
				return b.Swap(ctx, strings.ToLower(name), value, tag)
			},
		}, "Names"},
		"contexts are ignored": {wrong{get: func(b *Memory, ctx context.Context, name string) ([]byte, string, error) {
			return b.Get(context.WithoutCancel(ctx), name)
		}}, "Context"},
		"one call at a time, or they mix": {wrong{put: mixing()}, "Concurrency"},
		"Watch is silent at first": {wrong{see: func(b *Memory, ctx context.Context, name string, changed func()) error {
			first := true
			return b.Watch(ctx, name, func() {
				if !first {
					changed()
				}
				first = false
			})
		}}, "Watch"},
		"Watch reports the first change only": {wrong{see: func(b *Memory, ctx context.Context, name string, changed func()) error {
			calls := 0
			return b.Watch(ctx, name, func() {
				if calls++; calls <= 2 {
					changed()
				}
			})
		}}, "Watch"},
		"Watch does not end": {wrong{see: func(b *Memory, ctx context.Context, name string, changed func()) error {
			ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return b.Watch(ended, name, changed)
		}}, "Watch"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				backend := test.backend
				if backend.Memory == nil {
					backend.Memory = &Memory{}
				}
				if failed := failures(t, func() fleet.Backend { return backend }); !slices.Contains(failed, test.check) {
					t.Errorf("the suite fails in %q, want %s among them", failed, test.check)
				}
				time.Sleep(5 * time.Second) // until a Watch that does not end with its context ends
			})
		})
	}
}

// valued is a Memory that reports values, as report says.
type valued struct {
	*Memory
	report func(n int, value []byte) []byte
}

func (v valued) WatchValue(ctx context.Context, name string, changed func(value []byte)) error {
	var mu sync.Mutex // the first report is that of Watch, others are those of Swap
	n := 0
	return v.Watch(ctx, name, func() {
		mu.Lock()
		defer mu.Unlock()
		value, _, _ := v.Get(context.WithoutCancel(ctx), name)
		changed(v.report(n, value))
		n++
	})
}

func TestSuiteChecksReportedValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		report func(n int, value []byte) []byte
		fails  bool
	}{
		"the values":       {func(_ int, value []byte) []byte { return value }, false},
		"none":             {func(int, []byte) []byte { return nil }, false},
		"some":             {func(n int, value []byte) []byte { return map[bool][]byte{true: value}[n%2 == 0] }, false},
		"another value":    {func(n int, value []byte) []byte { return append([]byte("x"), value...) }, true},
		"the value before": {before(), true},
		"the first value":  {func(n int, value []byte) []byte { return map[bool][]byte{true: value, false: []byte("value 1")}[n < 2] }, true},
		"an empty value":   {func(n int, _ []byte) []byte { return map[bool][]byte{true: nil, false: {}}[n == 0] }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := valued{new(Memory), test.report}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				err := checkWatchValue(&engine{ctx: ctx, open: func() fleet.Backend { return b }, environment: "env"})
				if (err != nil) != test.fails {
					t.Errorf("error %v, want an error: %t", err, test.fails)
				}
			})
		})
	}
}

// before returns what reports the value before the one that was written.
func before() func(n int, value []byte) []byte {
	var last []byte
	return func(_ int, value []byte) []byte {
		value, last = last, value
		return value
	}
}

// mixing returns a Put that writes the value of another call that runs at the
// same time.
func mixing() func(b *Memory, ctx context.Context, name string, value []byte) error {
	var mu sync.Mutex
	var last []byte
	return func(b *Memory, ctx context.Context, name string, value []byte) error {
		mu.Lock()
		last = value
		mu.Unlock()
		time.Sleep(time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		return b.Put(ctx, name, last)
	}
}
