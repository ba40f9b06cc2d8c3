// Package resync decides what the platform is asked for, and when it is asked
// again although nothing seems to be missing.
package resync

import (
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// DefaultResync and DefaultFull are the usual times between questions.
	DefaultResync = 5 * time.Minute
	DefaultFull   = time.Hour
	// overlap is how far a question goes back before the last complete answer:
	// changes become visible later than they are stamped.
	overlap = 10 * time.Minute
	// spread is the part of a time that is taken off at random, at most.
	spread = 0.2
	// soon is how long the first question after an answer that was held waits,
	// when nothing else confirms the data: servers lag by seconds.
	soon = 15 * time.Second
)

// Question is what the platform is asked for.
type Question struct {
	Since int64 // what is newer than this version; 0 is everything
	Mark  transport.Mark
	kind  kind
}

type kind uint8

const (
	ordinary kind = iota
	again         // goes back by the overlap
	everything
)

// Answer is what came in response to a question, when it is complete.
type Answer struct {
	// At is the time of the platform when it was asked; zero is unknown.
	At time.Time
	// Applied is what became of the message that held most back.
	transport.Applied
	// Alone: nothing else confirms the data, such as pongs of a connection.
	Alone bool
}

// Plan is when to ask for what. Its methods may be called concurrently.
type Plan struct {
	store        transport.Store
	resync, full time.Duration // negative is never
	holdFor      time.Duration

	mu         sync.Mutex
	answered   time.Time // the platform's time of the last complete answer; zero is unknown
	nextResync due
	nextFull   due
	nextHeld   due       // set while an answer is held back
	held       *Question // the question of that answer
	// heldVersion is the newest version that the store has of what is held.
	heldVersion int64
	agreed      int       // answers about it
	heard       time.Time // when the last complete answer came
}

// due is a moment that is some time away from another, by whichever clock is
// ahead: a process can be frozen. The zero due never comes.
type due struct {
	from time.Time
	in   time.Duration
}

func (d due) left() time.Duration { return d.in - clock.Age(d.from) }

func (d due) passed() bool { return !d.from.IsZero() && d.left() <= 0 }

// New returns a plan with the settings of a transport: 0 is the default,
// less than 0 is never.
func New(store transport.Store, resync, full time.Duration) *Plan {
	s := &Plan{store: store, resync: resync, full: full, holdFor: resync}
	if s.resync == 0 {
		s.resync = DefaultResync
	}
	if s.full == 0 {
		s.full = DefaultFull
	}
	if s.holdFor <= 0 {
		s.holdFor = DefaultResync
	}
	return s
}

// HoldFor returns over how long answers with older data must agree.
func (s *Plan) HoldFor() time.Duration { return s.holdFor }

// Everything asks for everything.
func (s *Plan) Everything() Question {
	return Question{Mark: s.store.Mark(), kind: everything}
}

// Again asks for what may have been missed: on each connection, and on an open
// one when Due has come.
func (s *Plan) Again() Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.askLocked(again)
}

// Poll asks for what is new or, when it is time, for what may have been missed.
func (s *Plan) Poll() Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nextResync.passed() || s.resync > 0 && s.nextResync.from.IsZero() {
		return s.askLocked(again)
	}
	return s.askLocked(ordinary)
}

// askLocked makes a question.
func (s *Plan) askLocked(k kind) Question {
	q := Question{Mark: s.store.Mark(), kind: k}
	version := s.store.Version()
	switch {
	case version <= 0 || s.nextFull.passed():
		q.kind = everything
		return q
	case k == again:
		q.Since = s.behindLocked(version)
	default:
		q.Since = version
		if !s.answered.IsZero() {
			q.Since = min(version, s.answered.UnixMilli())
		}
	}
	switch {
	case s.held == nil:
	case s.held.Since > 0 || s.nextHeld.passed(): // the same again, to compare the answers
		q.Since = min(q.Since, s.held.Since)
	case s.heldVersion > 1: // in between, ask at little cost whether a server has what is held
		q.Since = min(q.Since, s.heldVersion-1)
	}
	if q.Since <= 0 {
		q.Since, q.kind = 0, everything
	}
	return q
}

// behindLocked returns the version that goes back by the overlap. A version that is
// older still costs nothing: there are no changes between it and the last
// answer but those that came late.
func (s *Plan) behindLocked(version int64) int64 {
	at := s.answered
	if at.IsZero() { // the platform's clock and ours are near each other
		at = time.UnixMilli(min(version, time.Now().UnixMilli()))
	}
	return max(0, min(version, at.Add(-overlap).UnixMilli()))
}

// Witness is a Store that wants to know when the platform confirmed its data.
type Witness interface {
	transport.Store
	// Answered is called before Confirm, with the time of the platform when it
	// was asked, or zero if that is unknown. It is not called for pongs, nor while
	// an answer is held back: answers to smaller questions do not show whether the
	// platform has what is held.
	Answered(at time.Time)
}

// Answered notes a complete answer to a question.
func (s *Plan) Answered(q Question, a Answer) {
	holds := s.answer(q, a)
	if w, ok := s.store.(Witness); ok && !holds {
		w.Answered(a.At)
	}
}

// answer is Answered, and reports whether an answer is held back.
func (s *Plan) answer(q Question, a Answer) (holds bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = time.Now()
	full := q.kind == everything || a.Full
	if full && s.full > 0 {
		s.nextFull = due{s.heard, retry.Shorten(s.full, spread)}
	}
	if (full || q.kind == again) && s.resync > 0 {
		s.nextResync = due{s.heard, retry.Shorten(s.resync, spread)}
	}
	switch {
	case a.Held > 0:
		s.holdLocked(q, a)
	case s.held == nil || q.Since <= s.held.Since:
		s.held, s.nextHeld, s.agreed = nil, due{}, 0
	}
	if a.Held == 0 && !a.At.IsZero() {
		s.answered = a.At
	}
	return s.held != nil
}

// holdLocked notes that an answer was held back, and when to ask again.
func (s *Plan) holdLocked(q Question, a Answer) {
	if s.held == nil || q.Since < s.held.Since {
		s.held = &Question{Since: q.Since}
	}
	s.agreed, s.heldVersion = a.Answers, a.HeldVersion
	in := s.holdFor / 2
	switch {
	case a.Answers >= 2 && a.For < s.holdFor: // after that it takes more answers
		in = s.holdFor - a.For
	case a.Alone:
		in = min(soon, s.holdFor/4)
	}
	s.nextHeld = due{s.heard, max(in, 0)}
}

// Due returns how long there is nothing to ask for on an open connection.
func (s *Plan) Due() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	const long = 24 * time.Hour
	in := long
	for _, d := range []due{s.nextResync, s.nextFull, s.nextHeld} {
		if !d.from.IsZero() {
			in = min(in, d.left())
		}
	}
	return max(in, 0)
}

// Renew reports whether the next question must be asked on a new connection: it
// may be the last that has to agree, and a connection goes to one server only.
func (s *Plan) Renew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agreed >= 2 && s.nextHeld.passed()
}

// Unanswered notes that a question on an open connection was ignored. It
// reports whether no question was answered for three times FullResync.
func (s *Plan) Unanswered() (tooLong bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, next := range []struct {
		due   *due
		every time.Duration
	}{{&s.nextResync, s.resync}, {&s.nextFull, s.full}, {&s.nextHeld, s.holdFor}} {
		if next.due.passed() {
			*next.due = due{now, retry.Shorten(next.every, spread)}
		}
	}
	return s.full > 0 && !s.heard.IsZero() && clock.Age(s.heard) > 3*s.full
}
