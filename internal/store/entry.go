package store

import (
	"sync"
	"sync/atomic"
	"unsafe"
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

// Present returns how many items are not archived.
func Present(items []Item) (n int) {
	for i := range items {
		if !items[i].Archived {
			n++
		}
	}
	return n
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

// compiler is a *Compiler[T]. It returns a *T as a pointer of any type, so that
// entries and indexes need no type parameter: a program links their code once, and
// not for flags and segments each.
type compiler interface {
	compile(*Item) (compiled unsafe.Pointer, refers *References, problem error)
	references(*Item) *References
	report(key string, problem error)
}

func (c *Compiler[T]) compile(item *Item) (unsafe.Pointer, *References, error) {
	compiled, refers, problem := c.Compile(item)
	return unsafe.Pointer(compiled), refers, problem
}

func (c *Compiler[T]) references(item *Item) *References { return c.References(item) }

func (c *Compiler[T]) report(key string, problem error) { c.Report(key, problem) }

// entry is a stored item.
type entry struct {
	Item
	// arrived is the number of the update that brought it; 0 is the bootstrap.
	arrived uint64
	// order is the index in index.entries, if the entry is there.
	order int
	// compiled is nil until the first use. It is what evaluations read: an *F if
	// the entry is in the flags of a Snapshot[F, S], an *S if it is in the
	// segments. Only load and store access it.
	compiled unsafe.Pointer
	// compiling is held by the goroutine that compiles. Others wait for it, so
	// that a large item is compiled once and not by all goroutines that need
	// it.
	compiling sync.Mutex
	// refers is nil until it is first needed.
	refers atomic.Pointer[References]
}

func (e *entry) load() unsafe.Pointer { return atomic.LoadPointer(&e.compiled) }

func (e *entry) store(compiled unsafe.Pointer) { atomic.StorePointer(&e.compiled, compiled) }

// inherit takes over what is known of an earlier entry with the same bytes.
func (e *entry) inherit(had *entry) {
	e.store(had.load())
	e.refers.Store(had.refers.Load())
}

// compile returns the compiled e. The first call compiles it and reports its
// problem.
func (e *entry) compile(c compiler) unsafe.Pointer {
	compiled, problem := e.compileOnce(c)
	if problem != nil {
		c.report(e.Key, problem)
	}
	return compiled
}

func (e *entry) compileOnce(c compiler) (compiled unsafe.Pointer, problem error) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	if compiled = e.load(); compiled != nil {
		return compiled, nil
	}
	compiled, refers, problem := c.compile(&e.Item)
	if refers != nil {
		e.refers.Store(refers)
	}
	e.store(compiled)
	return compiled, problem
}

// references returns what e refers to. It is read once.
func (e *entry) references(c compiler) *References {
	if r := e.refers.Load(); r != nil {
		return r
	}
	r := c.references(&e.Item)
	e.refers.Store(r)
	return r
}
