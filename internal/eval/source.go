package eval

import (
	"errors"
	"sync/atomic"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// Snapshot is a view of an environment whose items are compiled for evaluation.
type Snapshot = store.Snapshot[Flag, Segment]

// Source compiles raw items for evaluation. One Source serves all snapshots of
// a client.
type Source struct {
	Semantics     *Semantics
	DecodeFlag    func(raw []byte) (*model.Flag, error)
	DecodeSegment func(raw []byte) (*model.Segment, error)
	// Report is called with the problem of an item when the item is compiled,
	// which happens once. The calling goroutine may be evaluating, or may hold
	// locks of the caller of Apply. So Report must only note the problem: it
	// must not block or call code of the application. It may be called
	// concurrently.
	Report func(Problem)
	// GaveUp is called the first time that matching a regular expression of an
	// item stops without a result, because it takes too long or the text is too
	// long. The rules of Report apply. It may be nil.
	GaveUp func(Problem)
	// Omit sets Flag.Omitted, by the key of the flag. It may be nil.
	Omit func(key string) bool

	patternsGivenUp atomic.Uint64
}

// PatternsGivenUp returns how often matching a regular expression stopped
// without a result.
func (s *Source) PatternsGivenUp() uint64 { return s.patternsGivenUp.Load() }

// NewSnapshot returns an empty view of an environment.
func NewSnapshot(source *Source) *Snapshot {
	return store.New(
		store.Compiler[Flag]{
			Compile:    source.compileFlag,
			References: source.flagReferences,
			Report:     func(key string, problem error) { source.Report(Problem{Key: key, Err: problem}) },
		},
		store.Compiler[Segment]{
			Compile:    source.compileSegment,
			References: source.segmentReferences,
			Report:     func(key string, problem error) { source.Report(Problem{Segment: true, Key: key, Err: problem}) },
		})
}

var (
	// errBroken has no details: the decoder of the message has reported them.
	errBroken = errors.New("is malformed")
	// errPanic leaves out the text of the panic, which may quote the data.
	errPanic = errors.New("causes a panic in the SDK: please report this bug")
)

// contained calls f. If f panics, only the item that f reads is lost.
func contained[T any](f func() (*T, error)) (result *T, err error) {
	defer func() {
		if recover() != nil {
			result, err = nil, errPanic
		}
	}()
	return f()
}

func (s *Source) compileFlag(item *store.Item) (f *Flag, refers *store.References, problem error) {
	if item.Broken {
		f = brokenFlag(item.Key, errBroken)
	} else {
		f, problem = contained(func() (*Flag, error) {
			m, err := s.DecodeFlag(item.Raw)
			if err != nil {
				return nil, err
			}
			m.Key = item.Key
			if !item.Alone {
				refers = s.Semantics.referencesOfFlag(m)
			}
			return s.Semantics.compileFlag(m, newPatternOwner(s, false, item.Key))
		})
		if f == nil {
			f = brokenFlag(item.Key, problem)
		}
	}
	f.source = s
	f.Omitted = s.Omit != nil && s.Omit(item.Key)
	return f, refers, problem
}

func (s *Source) compileSegment(item *store.Item) (segment *Segment, refers *store.References, problem error) {
	if item.Broken {
		return brokenSegment(errBroken), nil, nil
	}
	segment, problem = contained(func() (*Segment, error) {
		m, err := s.DecodeSegment(item.Raw)
		if err != nil {
			return nil, err
		}
		if !item.Alone {
			refers = s.Semantics.referencesOfSegment(m)
		}
		return s.Semantics.compileSegment(m, newPatternOwner(s, true, item.Key))
	})
	if segment == nil {
		segment = brokenSegment(problem)
	}
	return segment, refers, problem
}

// flagReferences decodes a flag without compiling it, because compiling all
// would take much more time and memory. A flag that cannot be decoded has no
// references.
func (s *Source) flagReferences(item *store.Item) *store.References {
	refs, err := contained(func() (*store.References, error) {
		m, err := s.DecodeFlag(item.Raw)
		if err != nil {
			return nil, err
		}
		return s.Semantics.referencesOfFlag(m), nil
	})
	if err != nil {
		return &store.References{}
	}
	return refs
}

// segmentReferences is flagReferences for segments.
func (s *Source) segmentReferences(item *store.Item) *store.References {
	refs, err := contained(func() (*store.References, error) {
		m, err := s.DecodeSegment(item.Raw)
		if err != nil {
			return nil, err
		}
		return s.Semantics.referencesOfSegment(m), nil
	})
	if err != nil {
		return &store.References{}
	}
	return refs
}

func (sem *Semantics) referencesOfFlag(m *model.Flag) *store.References {
	refs := &store.References{}
	for i := range m.Prerequisites {
		refs.Flags = append(refs.Flags, m.Prerequisites[i].FlagKey)
	}
	for i := range m.Rules {
		refs.Segments = sem.appendSegments(refs.Segments, m.Rules[i].Clauses)
	}
	return refs
}

func (sem *Semantics) referencesOfSegment(m *model.Segment) *store.References {
	refs := &store.References{}
	for i := range m.Rules {
		refs.Segments = sem.appendSegments(refs.Segments, m.Rules[i].Clauses)
	}
	return refs
}

// appendSegments appends the ids of the segments that clauses refer to.
func (sem *Semantics) appendSegments(ids []string, clauses []model.Clause) []string {
	for i := range clauses {
		if sem.operator(&clauses[i]).Operand == model.SegmentsOperand {
			list, _ := sem.parseList(clauses[i].Value)
			for i := range list.Ends {
				ids = append(ids, list.At(i))
			}
		}
	}
	return ids
}
