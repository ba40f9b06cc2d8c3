package fleettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// timeout is how long an engine may take for what a check expects.
const timeout = 30 * time.Second

// maxSwapped is how large values of Swap are: see fleet.Limiter.
const maxSwapped = 32 << 10

// Run checks that a Backend keeps the contract of fleet.Backend, and those of
// fleet.Watcher and fleet.Limiter if it implements them. open returns a Backend
// that is ready to use; each call returns another connection to the same engine,
// which may have values already. open may use t.Cleanup. The checks use random
// names, and leave values behind.
//
// The engine must not lag: Run is for the engine that a publisher writes to. A
// read-only backend fails.
func Run(t *testing.T, open func(t *testing.T) fleet.Backend) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			if err := c.run(&engine{
				ctx:         ctx,
				open:        func() fleet.Backend { return open(t) },
				environment: "env-" + strconv.FormatUint(rand.Uint64(), 36),
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one part of the suite. Its error says what the backend does wrong.
type check struct {
	name string
	run  func(*engine) error
}

var checks = []check{
	{"Missing", checkMissing},
	{"Put", checkPut},
	{"Sizes", checkSizes},
	{"Swap", checkSwap},
	{"Create", checkCreate},
	{"Race", checkRace},
	{"Delete", checkDelete},
	{"Names", checkNames},
	{"Context", checkContext},
	{"Concurrency", checkConcurrency},
	{"Watch", checkWatch},
	{"WatchValue", checkWatchValue},
}

// engine is what a check works on.
type engine struct {
	ctx         context.Context
	open        func() fleet.Backend
	environment string
}

// head returns the name of a value that is swapped.
func (e *engine) head() string { return fleetdata.Name(e.environment, fleetdata.HeadObject) }

// body returns the name of a value that is put.
func (e *engine) body(i int) string {
	return fleetdata.ChunkName(e.environment, strings.Repeat("0123456789abcdef", 4), i)
}

// expect reads a value and compares it.
func (e *engine) expect(b fleet.Backend, name string, want []byte) (tag string, err error) {
	got, tag, err := b.Get(e.ctx, name)
	switch {
	case err != nil:
		return "", fmt.Errorf("Get after the value was written: %w", err)
	case !bytes.Equal(got, want):
		return "", fmt.Errorf("Get returned %s, want %s", short(got), short(want))
	}
	return tag, nil
}

// short describes a value.
func short(value []byte) string {
	if len(value) > 40 {
		return fmt.Sprintf("%d bytes, beginning with %q", len(value), value[:40])
	}
	return fmt.Sprintf("%q", value)
}

// binary returns a value with all kinds of bytes.
func binary(size int) []byte {
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(i*7 + i>>8)
	}
	return value
}

func checkMissing(e *engine) error {
	b := e.open()
	for _, name := range []string{e.head(), e.body(0)} {
		if _, _, err := b.Get(e.ctx, name); !errors.Is(err, fleet.ErrNotFound) {
			return fmt.Errorf("Get of a missing value: error %v, want ErrNotFound", err)
		}
		if err := b.Delete(e.ctx, name); err != nil {
			return fmt.Errorf("Delete of a missing value: error %v, want nil", err)
		}
	}
	if _, err := b.Swap(e.ctx, e.head(), []byte("value"), "12345"); !errors.Is(err, fleet.ErrConflict) {
		return fmt.Errorf("Swap of a missing value with a tag: error %v, want ErrConflict", err)
	}
	if _, _, err := b.Get(e.ctx, e.head()); !errors.Is(err, fleet.ErrNotFound) {
		return fmt.Errorf("Get after a Swap with ErrConflict: error %v, want ErrNotFound", err)
	}
	return nil
}

func checkPut(e *engine) error {
	b := e.open()
	value := binary(1000)
	for range 2 { // the second time changes nothing
		if err := b.Put(e.ctx, e.body(0), value); err != nil {
			return fmt.Errorf("Put: %w", err)
		}
	}
	want := bytes.Clone(value)
	clear(value) // the caller's again
	if _, err := e.expect(b, e.body(0), want); err != nil {
		return err
	}
	got, _, err := b.Get(e.ctx, e.body(0))
	if err != nil {
		return fmt.Errorf("Get: %w", err)
	}
	clear(got) // the caller's
	_, err = e.expect(e.open(), e.body(0), want)
	return err
}

func checkSizes(e *engine) error {
	b := e.open()
	largest := 1 << 20
	if l, ok := b.(fleet.Limiter); ok && l.MaxValue() != 0 {
		if largest = l.MaxValue(); largest < 16<<10 {
			return fmt.Errorf("MaxValue is %d: expected 0 or at least 16384", largest)
		}
	}
	for i, size := range []int{1, 4 << 10, largest} {
		if err := b.Put(e.ctx, e.body(i), binary(size)); err != nil {
			return fmt.Errorf("Put of %d bytes: %w", size, err)
		}
		if _, err := e.expect(b, e.body(i), binary(size)); err != nil {
			return err
		}
	}
	size := min(largest, maxSwapped)
	tag, err := b.Swap(e.ctx, e.head(), binary(size), "")
	if err != nil {
		return fmt.Errorf("Swap of %d bytes: %w", size, err)
	}
	got, err := e.expect(b, e.head(), binary(size))
	if err == nil && got != tag {
		err = fmt.Errorf("Get returned the tag %q, Swap %q", got, tag)
	}
	return err
}

func checkSwap(e *engine) error {
	b, other := e.open(), e.open()
	tag := ""
	seen := map[string]bool{"": true}
	for i := range 5 {
		value := fmt.Appendf(nil, "value %d", i)
		writer := b
		if i%2 == 1 {
			writer = other
		}
		next, err := writer.Swap(e.ctx, e.head(), value, tag)
		if err != nil {
			return fmt.Errorf("Swap with the right tag: %w", err)
		}
		if seen[next] {
			return fmt.Errorf("Swap returned the tag %q, which is empty or was used before", next)
		}
		seen[next] = true
		for _, wrong := range []string{"", tag} {
			if wrong == next {
				continue
			}
			if _, err := other.Swap(e.ctx, e.head(), []byte("wrong"), wrong); !errors.Is(err, fleet.ErrConflict) {
				return fmt.Errorf("Swap with the tag of an earlier value: error %v, want ErrConflict", err)
			}
		}
		got, err := e.expect(b, e.head(), value)
		if err != nil {
			return err
		}
		if got != next {
			return fmt.Errorf("Get returned the tag %q, Swap %q", got, next)
		}
		tag = got
	}
	return nil
}

// checkCreate: of many that create a value, one succeeds.
func checkCreate(e *engine) error {
	const writers = 16
	var created atomic.Int64
	var winner atomic.Value
	err := together(writers, func(i int) error {
		value := fmt.Appendf(nil, "writer %d", i)
		switch _, err := e.open().Swap(e.ctx, e.head(), value, ""); {
		case err == nil:
			created.Add(1)
			winner.Store(value)
			return nil
		case errors.Is(err, fleet.ErrConflict):
			return nil
		default:
			return fmt.Errorf("Swap: %w", err)
		}
	})
	if err != nil {
		return err
	}
	if created.Load() != 1 {
		return fmt.Errorf("%d of %d writers created the same value, want 1: Swap is not atomic", created.Load(), writers)
	}
	_, err = e.expect(e.open(), e.head(), winner.Load().([]byte))
	return err
}

// checkRace: writers count up together, and no step is lost.
func checkRace(e *engine) error {
	const writers, steps = 8, 25
	if _, err := e.open().Swap(e.ctx, e.head(), []byte("0"), ""); err != nil {
		return fmt.Errorf("Swap: %w", err)
	}
	err := together(writers, func(int) error {
		b := e.open()
		for done := 0; done < steps; {
			value, tag, err := b.Get(e.ctx, e.head())
			if err != nil {
				return fmt.Errorf("Get: %w", err)
			}
			n, err := strconv.Atoi(string(value))
			if err != nil {
				return fmt.Errorf("Get returned %s: a value was torn", short(value))
			}
			switch _, err = b.Swap(e.ctx, e.head(), strconv.AppendInt(nil, int64(n+1), 10), tag); {
			case err == nil:
				done++
			case !errors.Is(err, fleet.ErrConflict):
				return fmt.Errorf("Swap: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := e.expect(e.open(), e.head(), []byte(strconv.Itoa(writers*steps))); err != nil {
		return fmt.Errorf("Swap is not atomic, after %d successful ones: %w", writers*steps, err)
	}
	return nil
}

// together runs a function many times at once and returns the first error.
func together(n int, f func(i int) error) (first error) {
	errs := make([]error, n)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() { errs[i] = f(i) })
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkDelete(e *engine) error {
	b := e.open()
	tag, err := b.Swap(e.ctx, e.head(), []byte("first"), "")
	if err != nil {
		return fmt.Errorf("Swap: %w", err)
	}
	if err := b.Put(e.ctx, e.body(0), []byte("body")); err != nil {
		return fmt.Errorf("Put: %w", err)
	}
	for _, name := range []string{e.head(), e.body(0)} {
		if err := b.Delete(e.ctx, name); err != nil {
			return fmt.Errorf("Delete: %w", err)
		}
		if _, _, err := b.Get(e.ctx, name); !errors.Is(err, fleet.ErrNotFound) {
			return fmt.Errorf("Get after Delete: error %v, want ErrNotFound", err)
		}
	}
	if _, err := b.Swap(e.ctx, e.head(), []byte("second"), tag); !errors.Is(err, fleet.ErrConflict) {
		return fmt.Errorf("Swap after Delete with the tag of before: error %v, want ErrConflict", err)
	}
	if _, err := b.Swap(e.ctx, e.head(), []byte("second"), ""); err != nil {
		return fmt.Errorf("Swap after Delete without a tag: %w", err)
	}
	_, err = e.expect(b, e.head(), []byte("second"))
	return err
}

// checkNames: names of all characters and of the largest length are apart.
func checkNames(e *engine) error {
	b := e.open()
	environments := []string{
		e.environment,
		e.environment + "_",
		strings.ToUpper(e.environment),
		e.environment + " Ünïcode/../{x}:*?",
		e.environment + strings.Repeat("x", 255-len(e.environment)),
	}
	for i, environment := range environments {
		if _, err := b.Swap(e.ctx, fleetdata.Name(environment, fleetdata.HeadObject), strconv.AppendInt(nil, int64(i), 10), ""); err != nil {
			return fmt.Errorf("Swap of the name %q: %w", fleetdata.Name(environment, fleetdata.HeadObject), err)
		}
	}
	for i, environment := range environments {
		if _, err := e.expect(b, fleetdata.Name(environment, fleetdata.HeadObject), strconv.AppendInt(nil, int64(i), 10)); err != nil {
			return fmt.Errorf("two environments share a value: %w", err)
		}
	}
	return nil
}

// checkContext: a context that has ended ends each call.
func checkContext(e *engine) error {
	b := e.open()
	tag, err := b.Swap(e.ctx, e.head(), []byte("value"), "")
	if err != nil {
		return fmt.Errorf("Swap: %w", err)
	}
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	calls := map[string]func() error{
		"Get":    func() error { _, _, err := b.Get(ctx, e.head()); return err },
		"Put":    func() error { return b.Put(ctx, e.body(0), []byte("value")) },
		"Swap":   func() error { _, err := b.Swap(ctx, e.head(), []byte("other"), tag); return err },
		"Delete": func() error { return b.Delete(ctx, e.head()) },
	}
	if w, ok := b.(fleet.Watcher); ok {
		calls["Watch"] = func() error { return w.Watch(ctx, e.head(), func() {}) }
	}
	if w, ok := b.(fleet.ValueWatcher); ok {
		calls["WatchValue"] = func() error { return w.WatchValue(ctx, e.head(), func([]byte) {}) }
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) && !errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("%s after its context was cancelled: error %v, want context.Canceled", name, err)
		}
	}
	_, err = e.expect(e.open(), e.head(), []byte("value"))
	return err
}

// checkConcurrency uses one backend from many goroutines.
func checkConcurrency(e *engine) error {
	b := e.open()
	return together(32, func(i int) error {
		for j := range 5 {
			name, value := e.body(100*i+j), fmt.Appendf(nil, "value %d of %d", j, i)
			if err := b.Put(e.ctx, name, value); err != nil {
				return fmt.Errorf("Put: %w", err)
			}
			if _, err := e.expect(b, name, value); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkWatch: each Swap is reported, to all who watch.
func checkWatch(e *engine) error {
	b := e.open()
	w, ok := b.(fleet.Watcher)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	const watchers = 2
	var calls [watchers]chan struct{}
	ended := make(chan error, watchers)
	for i := range calls {
		calls[i] = make(chan struct{}, 1000)
		go func() {
			ended <- w.Watch(ctx, e.head(), func() {
				select {
				case calls[i] <- struct{}{}:
				default:
				}
			})
		}()
	}
	tag := ""
	for swaps := range 4 {
		for i := range calls {
			select {
			case <-calls[i]:
			case err := <-ended:
				if errors.Is(err, errors.ErrUnsupported) {
					return nil // such as fleet.Split of backends that cannot watch
				}
				return fmt.Errorf("Watch returned before its context ended: %w", err)
			case <-e.ctx.Done():
				if swaps == 0 {
					return errors.New("Watch did not call changed when it began to watch")
				}
				return fmt.Errorf("Watch did not call changed after Swap %d", swaps)
			}
		}
		for i := range calls {
			drain(calls[i])
		}
		var err error
		if tag, err = e.open().Swap(e.ctx, e.head(), fmt.Appendf(nil, "value %d", swaps), tag); err != nil {
			return fmt.Errorf("Swap: %w", err)
		}
	}
	cancel()
	for range calls {
		select {
		case err := <-ended:
			if err == nil {
				return errors.New("Watch returned nil: expected why it ended")
			}
		case <-e.ctx.Done():
			return errors.New("Watch did not return when its context ended")
		}
	}
	return nil
}

// checkWatchValue: each Swap is reported, with what it has written or without a value.
func checkWatchValue(e *engine) error {
	w, ok := e.open().(fleet.ValueWatcher)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	values, ended := make(chan []byte, 1000), make(chan error, 1)
	go func() { ended <- w.WatchValue(ctx, e.head(), func(value []byte) { values <- value }) }()
	written, tag := []string{""}, ""
	for {
		last := written[len(written)-1]
		for reported := false; !reported; {
			select {
			case value := <-values:
				if !slices.Contains(written, string(value)) {
					return fmt.Errorf("WatchValue reported %q, which no Swap has written", value)
				}
				reported = value == nil || string(value) == last
			case err := <-ended:
				if errors.Is(err, errors.ErrUnsupported) {
					return nil // such as fleet.Split of backends that cannot watch
				}
				return fmt.Errorf("WatchValue returned before its context ended: %w", err)
			case <-e.ctx.Done():
				return fmt.Errorf("WatchValue did not report what Swap %d has written", len(written)-1)
			}
		}
		if len(written) > 4 {
			return nil
		}
		next := fmt.Sprint("value ", len(written))
		written = append(written, next)
		var err error
		if tag, err = e.open().Swap(e.ctx, e.head(), []byte(next), tag); err != nil {
			return fmt.Errorf("Swap: %w", err)
		}
	}
}

// drain empties a channel.
func drain(calls <-chan struct{}) {
	for {
		select {
		case <-calls:
		default:
			return
		}
	}
}
