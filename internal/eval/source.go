package eval

import (
	"sync/atomic"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Source turns raw items into something to evaluate. One Source serves all
// snapshots of a client.
type Source struct {
	Rules         *Rules
	DecodeFlag    func(raw []byte) (*model.Flag, error)
	DecodeSegment func(raw []byte) (*model.Segment, error)
	// Report is told of the problem of an item when the item is compiled, which
	// is once. The goroutine that calls it may be an evaluating one, or hold
	// locks of the caller of Apply, so it must do no more than to note the
	// problem: no blocking, nothing of the application's. It may be called
	// concurrently.
	Report func(Problem)
	// GaveUp is told the first time that a regular expression of an item cannot
	// decide, because it takes too long or the text is too long. It is called as
	// Report is. It may be nil.
	GaveUp func(Problem)
	// Omit sets Flag.Omitted, by the key of the flag. It may be nil.
	Omit func(key string) bool

	patternsGivenUp atomic.Uint64
}

// PatternsGivenUp returns how often a regular expression could not decide.
func (s *Source) PatternsGivenUp() uint64 { return s.patternsGivenUp.Load() }

// flag compiles e, or returns what another goroutine compiled.
func (s *Source) flag(e *entry[Flag]) *Flag {
	f, problem := e.once(func() (*Flag, error) {
		m, err := s.DecodeFlag(e.Raw)
		if err != nil {
			return nil, err
		}
		m.Key = e.Key
		if !e.Alone {
			e.refers.Store(s.Rules.referencesOfFlag(m))
		}
		f, err := s.Rules.compileFlag(m, newPatternOwner(s, false, e.Key))
		f.Omitted = s.Omit != nil && s.Omit(e.Key)
		return f, err
	}, func(err error) *Flag { return brokenFlag(e.Key, err) })
	if problem != nil {
		s.Report(Problem{Key: e.Key, Err: problem})
	}
	return f
}

// segment compiles e, or returns what another goroutine compiled.
func (s *Source) segment(e *entry[Segment]) *Segment {
	segment, problem := e.once(func() (*Segment, error) {
		m, err := s.DecodeSegment(e.Raw)
		if err != nil {
			return nil, err
		}
		if !e.Alone {
			e.refers.Store(s.Rules.referencesOfSegment(m))
		}
		return s.Rules.compileSegment(m, newPatternOwner(s, true, e.Key))
	}, brokenSegment)
	if problem != nil {
		s.Report(Problem{Segment: true, Key: e.Key, Err: problem})
	}
	return segment
}
