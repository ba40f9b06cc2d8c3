package store

import (
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

// References are the keys of the items that the evaluation of an item looks at.
type References struct {
	Flags, Segments []string
}

// Compiler turns stored items of one kind, flags or segments, into T, which is
// what evaluations use. Its functions may be called concurrently.
type Compiler[T any] struct {
	// Compile compiles an item, and says what the item refers to; nil if nothing
	// or unknown. It is called once for an item, but for those that are stored
	// again. Whatever is wrong with the item, the result is not nil.
	Compile func(*Item) (compiled *T, refers *References, problem error)
	// References says what an item refers to, without compiling it.
	References func(*Item) *References
	// Report is told of the problem that Compile returned.
	Report func(key string, problem error)
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
	refers atomic.Pointer[References]
}

// of returns what e is compiled to. The first who asks compiles it, and reports
// the problem.
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

// references returns what e refers to, which is read once.
func (c *Compiler[T]) references(e *entry[T]) *References {
	if r := e.refers.Load(); r != nil {
		return r
	}
	r := c.References(&e.Item)
	e.refers.Store(r)
	return r
}
