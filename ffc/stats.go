package ffc

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Stats counts the work of a client since New.
type Stats struct {
	// Evaluations counts the calls of getters. Fallbacks counts the calls that
	// returned the fallback; FallbackReasons counts them by reason.
	Evaluations, Fallbacks uint64
	FallbackReasons        FallbackReasons
	// PatternsGivenUp counts conditions whose regular expression exceeded the time
	// limit or whose text was too long (docs/limits.md). Such a condition does not
	// match, unless Go's engine can evaluate it instead of regexp2. The log names
	// each flag once.
	PatternsGivenUp uint64
	// Updates counts messages with data, including messages that changed nothing.
	Updates   uint64
	Events    flush.Stats     // what was queued, delivered and dropped
	Transport transport.Stats // connections, requests and their failures
	// Abandoned is how many calls of Config.HTTPClient's functions and of
	// Config.Events.Sink have not returned although their context has ended. The
	// maximum of each is 8: then no new call begins.
	Abandoned int
}

// FallbackReasons counts evaluations without a value by Reason. Their sum is
// Stats.Fallbacks.
type FallbackReasons struct {
	NotReady         uint64 // ReasonClientNotReady
	FlagNotFound     uint64 // ReasonFlagNotFound
	UserNotSpecified uint64 // ReasonUserNotSpecified
	WrongType        uint64 // ReasonWrongType
	Error            uint64 // ReasonError
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	if c.unmade() {
		return Stats{}
	}
	s := Stats{Events: c.events.Stats(), Updates: c.store.updates.Load(), PatternsGivenUp: c.store.source.PatternsGivenUp()}
	evaluations, fallbacks := c.events.Evaluations()
	count := func(r eval.Reason) uint64 { return fallbacks[r-eval.FirstFallback] }
	s.Evaluations = evaluations
	s.FallbackReasons = FallbackReasons{
		NotReady:         count(eval.ReasonNotReady),
		FlagNotFound:     count(eval.ReasonFlagNotFound),
		UserNotSpecified: count(eval.ReasonUserNotSpecified),
		WrongType:        count(eval.ReasonWrongType),
		Error:            count(eval.ReasonError),
	}
	for _, n := range fallbacks {
		s.Fallbacks += n
	}
	s.Abandoned = c.requests.Abandoned() + c.events.Abandoned()
	if c.session != nil {
		s.Transport = c.session.Stats()
	}
	return s
}
