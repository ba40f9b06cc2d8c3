package store

import (
	"sync"
	"sync/atomic"
)

// Item is one flag, segment or user tag of a message, with what storing it
// needs: its key, its version and its JSON.
type Item struct {
	Key      string
	Version  int64 // Unix milliseconds of its last change; 0 if that cannot be read
	Archived bool  // deleted: kept so that an older copy cannot revive it
	// Broken: only the key is reliable. The item is kept, so that evaluating it
	// fails as malformed and not as unknown.
	Broken bool
	// Alone: a quick scan of Raw shows that the item refers to no other item.
	// If false, it may refer to others.
	Alone bool
	Raw   []byte
}

// References are the keys of the items that the evaluation of an item may read.
type References struct {
	Flags, Segments []string
}

// Compiler turns stored items of one kind, flags or segments, into T, which is
// what evaluations use. Its functions may be called concurrently.
type Compiler[T any] struct {
	// Compile compiles an item, and returns what the item refers to; nil if
	// nothing or unknown. It is called once for each time an item is stored.
	// compiled is not nil even if the item has a problem.
	Compile func(*Item) (compiled *T, refers *References, problem error)
	// References returns what an item refers to, without compiling it.
	References func(*Item) *References
	// Report is called with the problem that Compile returned.
	Report func(key string, problem error)
}

// entry is a stored item.
type entry[T any] struct {
	Item
	// arrived is the number of the update that brought it; 0 is the bootstrap.
	arrived uint64
	// compiled is nil until the first use. It is what evaluations read.
	compiled atomic.Pointer[T]
	// compiling is held by the goroutine that compiles. Others wait for it, so
	// that a large item is compiled once and not by all goroutines that need
	// it.
	compiling sync.Mutex
	// refers is nil until it is first needed.
	refers atomic.Pointer[References]
}

// of returns the compiled e. The first call compiles it and reports its
// problem.
func (c *Compiler[T]) of(e *entry[T]) *T {
	compiled, problem := c.once(e)
	if problem != nil {
		c.Report(e.Key, problem)
	}
	return compiled
}

func (c *Compiler[T]) once(e *entry[T]) (compiled *T, problem error) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	if compiled = e.compiled.Load(); compiled != nil {
		return compiled, nil
	}
	compiled, refers, problem := c.Compile(&e.Item)
	if refers != nil {
		e.refers.Store(refers)
	}
	e.compiled.Store(compiled)
	return compiled, problem
}

// references returns what e refers to. It is read once.
func (c *Compiler[T]) references(e *entry[T]) *References {
	if r := e.refers.Load(); r != nil {
		return r
	}
	r := c.References(&e.Item)
	e.refers.Store(r)
	return r
}
