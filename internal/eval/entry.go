package eval

import (
	"sync/atomic"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Item is one flag, segment or user tag of a message, as far as storing it
// needs: who it is, how new, and the JSON it came in.
type Item struct {
	Key      string
	Version  int64 // Unix milliseconds of its last change
	Archived bool  // deleted: kept so that an older copy cannot revive it
	Raw      []byte
}

// entry is a stored item.
type entry[T any] struct {
	Item
	// arrived is the number of the update that brought it; 0 is the bootstrap.
	arrived uint64
	// compiled is nil until the first use.
	compiled atomic.Pointer[T]
}

// Source turns raw items into something to evaluate. One Source serves all
// snapshots of a client.
type Source struct {
	Rules         *Rules
	DecodeFlag    func(raw []byte) (*model.Flag, error)
	DecodeSegment func(raw []byte) (*model.Segment, error)
	// Report is told of each problem once, when the item is first used. It
	// must not block.
	Report func(Problem)
}

// flag compiles e, or returns what another goroutine compiled.
func (s *Source) flag(e *entry[Flag]) *Flag {
	m, err := s.DecodeFlag(e.Raw)
	var f *Flag
	if err != nil {
		f = brokenFlag(e.Key, err)
	} else {
		m.Key = e.Key
		f, err = s.Rules.compileFlag(m)
	}
	if !e.compiled.CompareAndSwap(nil, f) {
		return e.compiled.Load()
	}
	if err != nil {
		s.Report(Problem{Key: e.Key, Err: err})
	}
	return f
}

// segment compiles e, or returns what another goroutine compiled.
func (s *Source) segment(e *entry[Segment]) *Segment {
	m, err := s.DecodeSegment(e.Raw)
	var segment *Segment
	if err != nil {
		segment = brokenSegment(err)
	} else {
		segment, err = s.Rules.compileSegment(m)
	}
	if !e.compiled.CompareAndSwap(nil, segment) {
		return e.compiled.Load()
	}
	if err != nil {
		s.Report(Problem{Segment: true, Key: e.Key, Err: err})
	}
	return segment
}
