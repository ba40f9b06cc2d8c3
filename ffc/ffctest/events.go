package ffctest

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"
)

// Event is one evaluation or one metric that a client sent. A metric has a
// Metric and no FlagKey.
type Event struct {
	// The user. Fields that were not sent are "". FeatBit gets Email and Country
	// as attributes of these names; they are not in Attributes here. The map is
	// the caller's.
	UserKey    string
	UserName   string
	Email      string
	Country    string
	Attributes map[string]string

	// FlagKey is the flag that the platform counts the evaluation for. On the
	// classic platform that is the flag of the first evaluation in the same array
	// item, whatever the other evaluations name.
	FlagKey          string
	VariationID      string
	Value            string
	Reason           string // not sent to FeatBit
	SendToExperiment bool   // the evaluation counts in experiments

	Metric      string  // the name; "" for an evaluation
	MetricValue float64 // as sent; the platform keeps 32 bits of it
	// AppType, Route and Type are what SDKs send with each metric: the kind of the
	// SDK, and two constants.
	AppType string
	Route   string
	Type    string

	// Time is when the event happened, by the client's clock. On the classic
	// platform metrics have no time: this is when the server got the metric, by
	// the server's clock.
	Time time.Time
}

// clone returns an event with an attribute map of its own.
func (e Event) clone() Event {
	e.Attributes = maps.Clone(e.Attributes)
	return e
}

func cloneEvents(events []Event) []Event {
	out := make([]Event, len(events))
	for i, e := range events {
		out[i] = e.clone()
	}
	return out
}

// trackLog is what arrived at the events endpoint.
type trackLog struct {
	kept      []Event
	forgotten int // how many were accepted before those
	dropped   int
}

func (l *trackLog) accepted() int { return l.forgotten + len(l.kept) }

// Events returns the events that the server accepted, in order of arrival: all of
// them, unless HandlerConfig.Keep limits how many the server keeps.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cloneEvents(s.track.kept)
}

// WaitEvents blocks until the server has accepted at least n events, and returns
// what Events returns. It fails if ctx ends or the server is closed, and then also
// returns the events so far.
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

// Dropped returns how many evaluations and metrics the server dropped although it
// responded with 200, as the platform does: those without a user, without a
// variation, or for another environment, and on the classic platform those after
// an evaluation without a variation in the same item. An item without evaluations
// and metrics counts as one, except an item with a user on FeatBit.
func (s *Server) Dropped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.track.dropped
}

// maxTrackBody is the default limit of the platform's web server, in bytes.
const maxTrackBody = 30_000_000

// serveTrack handles requests with events.
func (s *Server) serveTrack(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTrackBody))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		panic(http.ErrAbortHandler) // the client is gone
	}
	index := s.arrived(Events, r, body)
	if !s.awaitResume(r.Context(), Events) {
		panic(http.ErrAbortHandler)
	}

	// Record everything before the response: tests look at it once the client has
	// the response.
	f, failing := s.failure(Events)
	if failing && !f.Processed {
		s.answered(Events, index, f.status())
		f.answer(w)
		return
	}
	answer := reply{status: http.StatusRequestEntityTooLarge}
	if tooLarge == nil {
		answer = s.takeEvents(r, body)
	}
	if failing {
		s.answered(Events, index, f.status())
		f.answer(w)
		return
	}
	s.answered(Events, index, answer.status)
	answer.write(w)
}

// takeEvents records the events of a valid request, and returns the response.
func (s *Server) takeEvents(r *http.Request, body []byte) reply {
	t := s.protocol.track(r, body, s.now())
	kept := t.events
	if s.onEvents != nil && s.keep >= 0 {
		kept = cloneEvents(kept)
	}
	s.mu.Lock()
	s.track.kept = append(s.track.kept, kept...)
	s.track.forgotten += forget(&s.track.kept, s.keep)
	s.track.dropped += t.dropped
	s.changed()
	s.mu.Unlock()
	if s.onEvents != nil && len(t.events) > 0 {
		s.onEvents(t.events)
	}
	return t.reply
}
