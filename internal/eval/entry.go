package eval

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Item is one flag, segment or user tag of a message, as far as storing it
// needs: who it is, how new, and the JSON it came in.
type Item struct {
	Key      string
	Version  int64 // Unix milliseconds of its last change; 0 if that cannot be read
	Archived bool  // deleted: kept so that an older copy cannot revive it
	// Broken: no more than the key is sure. The item is kept, so that
	// evaluating it is an error and not an unknown flag.
	Broken bool
	// Alone: it refers to no other item, as far as a glance at Raw tells. What
	// is not alone may refer to some.
	Alone bool
	Raw   []byte
}

// entry is a stored item.
type entry[T any] struct {
	Item
	// arrived is the number of the update that brought it; 0 is the bootstrap.
	arrived uint64
	// compiled is nil until the first use. It is what evaluations read.
	compiled atomic.Pointer[T]
	// compiling is held by the one that compiles. Others wait for it: a large
	// item that is suddenly in demand is compiled once, not by everybody.
	compiling sync.Mutex
	// refers is nil until it is asked for.
	refers atomic.Pointer[references]
}

// once returns what is compiled. It is compiled by the first who asks, and
// only that call returns the problem. broken stands for what cannot be read at
// all.
func (e *entry[T]) once(compile func() (*T, error), broken func(error) *T) (compiled *T, problem error) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	if compiled = e.compiled.Load(); compiled != nil {
		return compiled, nil
	}
	if e.Broken {
		compiled = broken(errBroken)
	} else if compiled, problem = contained(compile); compiled == nil {
		compiled = broken(problem)
	}
	e.compiled.Store(compiled)
	return compiled, problem
}

var (
	// errBroken has been told in detail by whoever found the item broken.
	errBroken = errors.New("is malformed")
	// errPanic leaves out what the panic says: it may quote the data.
	errPanic = errors.New("makes the SDK panic, which is a mistake in the SDK: please report it")
)

// contained calls f. That f panics costs no more than what it was to read.
func contained[T any](f func() (*T, error)) (result *T, err error) {
	defer func() {
		if recover() != nil {
			result, err = nil, errPanic
		}
	}()
	return f()
}
