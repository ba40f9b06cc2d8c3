package fleettest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Memory is a fleet.Backend in memory, with faults. Its methods may be called
// concurrently. The zero Memory is empty and ready to use. It must not be copied;
// Copy returns another one with the same values.
type Memory struct {
	// Limit is what MaxValue returns, in bytes; 0 is no limit. Set it before
	// the first use.
	Limit int
	// Name is what String returns; "" is "memory". Set it before the first use.
	Name string

	mu            sync.Mutex
	values        map[string]entry
	tags          uint64
	calls         map[string]int
	before, after Fault
	watchers      map[*watcher]struct{}
	muted         bool
}

// entry is a value with its tag.
type entry struct {
	value []byte
	tag   uint64
}

// watcher is a call of Watch.
type watcher struct {
	name    string
	changed func()
	dropped chan struct{}
}

// Call is a call of a method of a Backend.
type Call struct {
	Op   string // "Get", "Put", "Swap", "Delete" or "Watch"
	Name string
}

// Fault is a function that Memory runs with each call, perhaps concurrently. It
// may block until ctx ends. If it returns an error, the call returns that error.
type Fault func(ctx context.Context, call Call) error

var (
	_ fleet.Watcher = (*Memory)(nil)
	_ fleet.Limiter = (*Memory)(nil)
)

var errDropped = errors.New("the engine has closed the connection")

// Before sets a Fault that runs before each call. If the Fault returns an
// error, nothing is written. Nil removes the Fault.
func (m *Memory) Before(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = f
}

// After sets a Fault that runs after each call that succeeded. If the Fault
// returns an error, a write has happened although the caller gets an error. Nil
// removes the Fault.
func (m *Memory) After(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after = f
}

// Get implements fleet.Backend.
func (m *Memory) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	err = m.do(ctx, Call{"Get", name}, func() error {
		e, ok := m.values[name]
		if !ok {
			return fleet.ErrNotFound
		}
		value, tag = bytes.Clone(e.value), strconv.FormatUint(e.tag, 10)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return value, tag, nil
}

// Put implements fleet.Backend.
func (m *Memory) Put(ctx context.Context, name string, value []byte) error {
	return m.do(ctx, Call{"Put", name}, func() error {
		if m.Limit > 0 && len(value) > m.Limit {
			return errors.New("the value is larger than Limit")
		}
		m.set(name, value)
		return nil
	})
}

// Swap implements fleet.Backend.
func (m *Memory) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	var told []func()
	err = m.do(ctx, Call{"Swap", name}, func() error {
		e, ok := m.values[name]
		if ok != (tag != "") || ok && strconv.FormatUint(e.tag, 10) != tag {
			return fleet.ErrConflict
		}
		newTag = m.set(name, value)
		for w := range m.watchers {
			if w.name == name && !m.muted {
				told = append(told, w.changed)
			}
		}
		return nil
	})
	for _, changed := range told {
		changed()
	}
	if err != nil {
		return "", err
	}
	return newTag, nil
}

// Delete implements fleet.Backend.
func (m *Memory) Delete(ctx context.Context, name string) error {
	return m.do(ctx, Call{"Delete", name}, func() error {
		delete(m.values, name)
		return nil
	})
}

// Watch implements fleet.Watcher.
func (m *Memory) Watch(ctx context.Context, name string, changed func()) error {
	w := &watcher{name: name, changed: changed, dropped: make(chan struct{})}
	err := m.do(ctx, Call{"Watch", name}, func() error {
		if m.watchers == nil {
			m.watchers = make(map[*watcher]struct{})
		}
		m.watchers[w] = struct{}{}
		return nil
	})
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, w)
	}()
	if err != nil {
		return err
	}
	changed()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.dropped:
		return errDropped
	}
}

// MaxValue implements fleet.Limiter.
func (m *Memory) MaxValue() int { return m.Limit }

// String returns the name.
func (m *Memory) String() string {
	if m.Name == "" {
		return "memory"
	}
	return m.Name
}

// do does a call with its faults.
func (m *Memory) do(ctx context.Context, call Call, f func() error) error {
	m.mu.Lock()
	if m.calls == nil {
		m.calls = make(map[string]int)
	}
	m.calls[call.Op]++
	before, after := m.before, m.after
	m.mu.Unlock()
	if before != nil {
		if err := before(ctx, call); err != nil {
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
		err = after(ctx, call)
	}
	return err
}

// set stores a value and returns its tag. The lock is held.
func (m *Memory) set(name string, value []byte) (tag string) {
	if m.values == nil {
		m.values = make(map[string]entry)
	}
	m.tags++
	m.values[name] = entry{bytes.Clone(value), m.tags}
	return strconv.FormatUint(m.tags, 10)
}

// Calls returns how many calls there were of an operation (see Call.Op).
func (m *Memory) Calls(op string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[op]
}

// Names returns the names of all values, sorted.
func (m *Memory) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.values))
}

// Wipe removes all values, as FLUSHALL does.
func (m *Memory) Wipe() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.values)
}

// Copy returns another Memory with the current values, without faults and
// watchers. It stands for a backup, or a replica that lags.
func (m *Memory) Copy() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{Limit: m.Limit, Name: m.Name, values: maps.Clone(m.values), tags: m.tags}
}

// Restore replaces all values by those of from, as when a replica is promoted or
// a backup is restored. Tags do not go back: a Swap with an earlier tag fails,
// unless the value is still the same.
func (m *Memory) Restore(from *Memory) {
	from.mu.Lock()
	values := maps.Clone(from.values)
	from.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values = values
}

// DropWatchers ends all calls of Watch with an error, as an engine that
// restarts does.
func (m *Memory) DropWatchers() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.watchers {
		close(w.dropped)
		delete(m.watchers, w)
	}
}

// Mute makes all calls of Watch miss changes while on is true, as if the engine
// lost its notifications.
func (m *Memory) Mute(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muted = on
}
