// Package resync decides which data to request from the platform, and when to
// request data again although nothing seems to be missing.
package resync

import (
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// DefaultResync and DefaultFull are the default times between requests for
	// recent changes and for everything.
	DefaultResync = 5 * time.Minute
	DefaultFull   = time.Hour
	// overlap is how far a request goes back before the last complete answer: a
	// change becomes visible some time after the time of its version.
	overlap = 10 * time.Minute
	// spread is the maximum random part that is subtracted from a time.
	spread = 0.2
	// soon is the wait before the first request after a held answer, if nothing
	// else confirms the data: servers lag by seconds.
	soon = 15 * time.Second
)

// Request is a request for data. The complete response is its Answer.
type Request struct {
	Since int64 // request data newer than this version; 0 means everything
	Mark  transport.Mark
	kind  kind
}

type kind uint8

const (
	ordinary kind = iota
	again         // goes back by the overlap
	everything
)

// Answer is a complete response to a Request.
type Answer struct {
	// At is the platform's time of the request; zero means unknown.
	At time.Time
	// Applied is the result of the message with the most held items.
	transport.Applied
	// Alone: nothing else, such as pongs of a connection, confirms the data.
	Alone bool
}

// Plan decides when to request which data. Its methods may be called
// concurrently.
type Plan struct {
	store        transport.Store
	resync, full time.Duration // negative means never
	holdFor      time.Duration

	mu         sync.Mutex
	answered   time.Time // the platform's time of the last complete answer; zero means unknown
	nextResync due
	nextFull   due
	nextHeld   due      // set while an answer is held back
	held       *Request // the request of that answer
	// heldVersion is the newest stored version of the held items.
	heldVersion int64
	agreed      int       // consecutive answers that agree about it
	heard       time.Time // when the last complete answer arrived
}

// due is a time some duration after another. The clock that is ahead counts,
// because a process can be frozen. The zero due never passes.
type due struct {
	from time.Time
	in   time.Duration
}

func (d due) left() time.Duration { return d.in - clock.Age(d.from) }

func (d due) passed() bool { return !d.from.IsZero() && d.left() <= 0 }

// New returns a plan with the settings of a transport: 0 means the default, a
// negative value means never.
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

// HoldFor returns how long answers with older data must agree.
func (s *Plan) HoldFor() time.Duration { return s.holdFor }

// Everything returns the request for everything.
func (s *Plan) Everything() Request {
	return Request{Mark: s.store.Mark(), kind: everything}
}

// Again returns a request for data that may have been missed. It is for each
// new connection, and for an open one when Due has passed.
func (s *Plan) Again() Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.askLocked(again)
}

// Poll returns the request for new data or, when it is due, for data that may
// have been missed.
func (s *Plan) Poll() Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nextResync.passed() || s.resync > 0 && s.nextResync.from.IsZero() {
		return s.askLocked(again)
	}
	return s.askLocked(ordinary)
}

// askLocked returns a request.
func (s *Plan) askLocked(k kind) Request {
	q := Request{Mark: s.store.Mark(), kind: k}
	version := s.store.Version()
	switch {
	case s.nextFull.passed():
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
	case s.held.Since > 0 || s.nextHeld.passed(): // the same request again, to compare the answers
		q.Since = min(q.Since, s.held.Since)
	case s.heldVersion > 1: // in between, check at low cost whether a server has the held items
		q.Since = min(q.Since, s.heldVersion-1)
	}
	if q.Since <= 0 {
		q.Since, q.kind = 0, everything
	}
	return q
}

// behindLocked returns the version that recent changes, from the overlap on. A
// version that is older still costs nothing: there are no changes between it and
// the last answer but those that came late.
func (s *Plan) behindLocked(version int64) int64 {
	at := s.answered
	if at.IsZero() { // assume that the clocks of the platform and this machine agree
		at = time.UnixMilli(min(version, time.Now().UnixMilli()))
	}
	return max(0, min(version, at.Add(-overlap).UnixMilli()))
}

// Witness is a Store that is notified when the platform confirmed its data.
type Witness interface {
	transport.Store
	// Answered is called before Confirm, with the platform's time of the request,
	// or zero if that is unknown. It is not called for pongs, nor while items are
	// held: answers to smaller requests do not show whether the platform has the
	// held items.
	Answered(at time.Time)
}

// Answered records a complete answer to a request.
func (s *Plan) Answered(q Request, a Answer) {
	holds := s.answer(q, a)
	if w, ok := s.store.(Witness); ok && !holds {
		w.Answered(a.At)
	}
}

// answer is Answered, and reports whether the answer has held items.
func (s *Plan) answer(q Request, a Answer) (holds bool) {
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

// holdLocked records an answer with held items, and when to request again.
func (s *Plan) holdLocked(q Request, a Answer) {
	if s.held == nil || q.Since < s.held.Since {
		s.held = &Request{Since: q.Since}
	}
	s.agreed, s.heldVersion = a.Answers, a.HeldVersion
	in := s.holdFor / 2
	switch {
	case a.Answers >= 2 && a.For < s.holdFor: // after that more answers are needed
		in = s.holdFor - a.For
	case a.Alone:
		in = min(soon, s.holdFor/4)
	}
	s.nextHeld = due{s.heard, max(in, 0)}
}

// Due returns the time until the next request on an open connection.
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

// Renew reports whether the next request needs a new connection: its answer
// may be the last that has to agree, and a connection reaches only one server.
func (s *Plan) Renew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agreed >= 2 && s.nextHeld.passed()
}

// Unanswered records that the platform did not respond to a request on an open
// connection. It reports whether the last answer is older than three times
// FullResync.
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
