package ffctest

import (
	"context"
	"time"
)

// Event is one evaluation or one metric that a client sent. A metric has a
// Metric and no FlagKey.
type Event struct {
	// The user. An attribute that was not sent is "". FeatBit takes Email and
	// Country as attributes of those names, which are not among Attributes here.
	// The maps of events are shared between calls and must not be changed.
	UserKey    string
	UserName   string
	Email      string
	Country    string
	Attributes map[string]string

	// FlagKey is the flag that the platform counts the evaluation for: on the
	// classic platform that of the first evaluation in the same array item,
	// whatever the client wrote into the others.
	FlagKey          string
	VariationID      string
	Value            string
	Reason           string // FeatBit is not told
	SendToExperiment bool

	Metric      string
	MetricValue float64 // as sent; the platform keeps 32 bits of it
	AppType     string
	Route       string
	Type        string

	// Time is when it happened, by the client's clock. On the classic platform
	// metrics have none, so theirs is that of their arrival, by the server's.
	Time time.Time
}

// trackLog is what arrived at the events endpoint.
type trackLog struct {
	kept      []Event
	forgotten int // how many were accepted before those
	dropped   int
}

func (l *trackLog) accepted() int { return l.forgotten + len(l.kept) }

// Events returns every event that the server accepted and keeps, which is all
// of them but for what [HandlerConfig] says, in order of arrival.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.track.kept...)
}

// WaitEvents blocks until the server has accepted at least n events, and
// returns what Events does, also along with an error. The error is that of ctx, or
// says that the server is closed.
func (s *Server) WaitEvents(ctx context.Context, n int) ([]Event, error) {
	err := s.wait(ctx, func() bool { return s.track.accepted() >= n })
	s.mu.Lock()
	accepted := s.track.accepted()
	s.mu.Unlock()
	if err != nil {
		return s.Events(), errWait(n, accepted, "events", err)
	}
	return s.Events(), nil
}

// Dropped returns how many evaluations and metrics the server has answered 200
// for and thrown away, as the platform does without a word: those without a
// user, without a variation and on the classic platform after such a one, or for
// another environment. An item that holds nothing counts as one; on FeatBit a user
// alone is something.
func (s *Server) Dropped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.track.dropped
}
