package doctor

import (
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// countingStore counts data and does not keep it.
type countingStore struct {
	codec           *platform.Codec
	got             bool
	arrived         time.Time
	flags, segments int
	unreadable      []string // what is wrong with items
	unnamed         int      // how many more items cannot be used
	odd             []string // what is wrong with rules of items that can be used
}

var _ transport.Store = (*countingStore)(nil)

// Apply implements transport.Store.
func (s *countingStore) Apply(message []byte, _ transport.Mark) (transport.Applied, error) {
	update, problems, err := s.codec.Update(message)
	if err != nil {
		return transport.Applied{}, &transport.Error{Kind: transport.KindData, Err: err}
	}
	if update.Full {
		s.got, s.arrived = true, time.Now()
		s.flags, s.segments = store.Present(update.Flags), store.Present(update.Segments)
		s.unreadable, s.odd = nil, nil
		for _, problem := range problems {
			s.unreadable = append(s.unreadable, problem.Error())
		}
		s.unnamed = update.Unusable - len(problems)
		s.decode(update)
	}
	return transport.Applied{Full: update.Full}, nil
}

// decode finds malformed items, and rules with errors.
func (s *countingStore) decode(update *store.Update) {
	for _, item := range update.Flags {
		if item.Archived || item.Broken {
			continue
		}
		m, err := s.codec.DecodeFlag(item.Raw)
		if err != nil {
			s.unreadable = append(s.unreadable, eval.Problem{Key: item.Key, Err: err}.Error())
		} else if err := s.codec.Semantics.CheckFlag(m); err != nil {
			s.odd = append(s.odd, eval.Problem{Key: item.Key, Err: err}.Error())
		}
	}
	for _, item := range update.Segments {
		if item.Archived || item.Broken {
			continue
		}
		m, err := s.codec.DecodeSegment(item.Raw)
		if err != nil {
			s.unreadable = append(s.unreadable, eval.Problem{Segment: true, Key: item.Key, Err: err}.Error())
		} else if err := s.codec.Semantics.CheckSegment(m); err != nil {
			s.odd = append(s.odd, eval.Problem{Segment: true, Key: item.Key, Err: err}.Error())
		}
	}
}

// judge judges the data itself.
func (s *countingStore) judge(seen string) finding {
	switch {
	case len(s.unreadable) > 0:
		return warn("save it again on the platform; until then evaluations return the fallback", "%s, of which %s cannot be used: %s",
			seen, count(len(s.unreadable)+s.unnamed, "item"), s.unreadable[0])
	case len(s.odd) > 0:
		return warn("correct the rule on the platform; until then it matches no user, or users whose evaluation reaches it get the fallback",
			"%s; rules with errors are in %s: %s", seen, count(len(s.odd), "item"), s.odd[0])
	case s.flags == 0 && s.codec.EmptyIsOdd:
		return warn("if the environment has flags, check the secret: the platform returns no flags for a secret that it does not know", "%s", seen)
	case s.flags == 0:
		return warn("if the environment has flags, check that the secret is that of the right environment", "%s", seen)
	}
	return ok("%s", seen)
}

// Version implements transport.Store.
func (s *countingStore) Version() int64 { return 0 }

// Mark implements transport.Store.
func (s *countingStore) Mark() transport.Mark { return 0 }

// ApplyAsOf implements transport.Store.
func (s *countingStore) ApplyAsOf(message []byte, asked transport.Mark, _ time.Time) (transport.Applied, error) {
	return s.Apply(message, asked)
}

// Confirm implements transport.Store.
func (s *countingStore) Confirm() {}

// ConfirmAsOf implements transport.Store.
func (s *countingStore) ConfirmAsOf(time.Time) {}

// Interrupted implements transport.Store.
func (s *countingStore) Interrupted(error) {}

// Off implements transport.Store.
func (s *countingStore) Off(error) {}

// Fallback implements transport.Store.
func (s *countingStore) Fallback(bool) {}
