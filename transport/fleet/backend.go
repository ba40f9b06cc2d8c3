package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

// Backend is a place in an engine for small values by name. It may be used
// concurrently, by readers and publishers.
//
// A name is two parts with one slash in between: the environment, and an object
// of the environment. The parts have only the characters A-Z, a-z, 0-9, '-',
// '_', '.' and '=', and do not begin with a dot. Each part has at most
// 255 characters. A Backend puts its own prefix before names, "ffc" by default.
//
// Methods block until the engine has responded or ctx ends, and return when ctx
// ends. Errors hold no secret. An error that has, or wraps one that has, a method
// RetryAfter() time.Duration is not retried sooner: engines that throttle say so.
//
// A Backend may be a Watcher, a ValueWatcher, a Limiter, a Pacer, and a fmt.Stringer, whose text names the
// Backend in errors, logs and ffc.Status. The text holds no secret.
//
// fleettest.Run tests a Backend.
type Backend interface {
	// Get returns a value and its tag, which changes whenever the value does. The
	// error is ErrNotFound if there is no value; a Backend may wrap it. The
	// caller owns value. A Get after a Put, Swap or Delete that has returned sees
	// its result, unless the engine or a cache in front of it lags: readers
	// tolerate that, a publisher's Backend must not lag.
	Get(ctx context.Context, name string) (value []byte, tag string, err error)
	// Put stores a value that never changes under its name. Putting the same
	// value again is not an error. The value does not expire. Put does not keep
	// value.
	Put(ctx context.Context, name string, value []byte) error
	// Swap replaces a value if its tag is still tag, and returns the new tag; the
	// comparison and the write are one atomic step. With the tag "" it writes the
	// value only if there is none. The error is ErrConflict if the tag differs,
	// and then nothing was written. After any other error the value may have been
	// written. The value does not expire. Swap does not keep value.
	Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error)
	// Delete removes a value. Deleting a value that is missing is not an error.
	Delete(ctx context.Context, name string) error
}

// Watcher is a Backend that reports changes.
type Watcher interface {
	Backend
	// Watch calls changed once it watches, and at least once after each Swap of
	// the name from then on. A call is a hint: it may come without a change, and
	// calls may get lost when the engine fails. changed does not block and may
	// be called concurrently. Watch blocks until ctx ends or watching fails, and
	// returns why. After it has returned it does not call changed.
	Watch(ctx context.Context, name string, changed func()) error
}

// ValueWatcher is a Watcher whose engine sends the value with the report of a change,
// so that a reader need not get the value: a write of the head that changes nothing
// but the time then costs no read.
type ValueWatcher interface {
	Watcher
	// WatchValue is Watch, but changed gets the value that the Swap has written, or
	// nil if the value is to be read. changed may keep value.
	WatchValue(ctx context.Context, name string, changed func(value []byte)) error
}

// Limiter is a Backend whose values are limited in size.
type Limiter interface {
	Backend
	// MaxValue returns how many bytes a value of Put may have; 0 is no limit.
	// Values of Swap have at most 32 KiB, or MaxValue if that is less. MaxValue
	// is at least 16 KiB.
	MaxValue() int
}

// Pacer is a Backend of an engine where each call costs money, so that a
// publisher writes less often.
type Pacer interface {
	Backend
	// Beat returns the default of relay.Publisher.Beat, the time between two
	// writes of the head; 0 is 5 s.
	Beat() time.Duration
}

var (
	// ErrNotFound is the error of Backend.Get if there is no value.
	ErrNotFound = errors.New("fleet: there is no such value")
	// ErrConflict is the error of Backend.Swap if the value has another tag than
	// expected.
	ErrConflict = errors.New("fleet: the value has been changed by another writer")
)

var errReadOnly = errors.New("fleet: this backend is read-only")

// contained calls a method of a backend, which may be part of the application: a
// backend must not end the program.
func contained(f func() error) error { return safelog.Contain("fleet: the backend", f) }

// nameOf returns how to call a backend in errors, logs and ffc.Status.
func nameOf(b Backend) string {
	if s, ok := b.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", b)
}
