package ffc

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Stats counts what a client has done so far.
type Stats struct {
	// Evaluations counts the calls of getters; Fallbacks those of them for
	// which there was no value. FallbackReasons says why.
	Evaluations, Fallbacks uint64
	FallbackReasons        FallbackReasons
	// PatternsGivenUp counts conditions with a regular expression that could not
	// be decided because it took too long or the text was too long (docs/limits.md).
	// Such a condition is not met, unless Go's engine can decide it in place of the
	// other one. The log names each flag once.
	PatternsGivenUp uint64
	// Updates counts messages with data, also those that said nothing new.
	Updates   uint64
	Events    flush.Stats
	Transport transport.Stats
	// Abandoned is how many calls of Config.HTTPClient's functions have not
	// returned although their context had ended. The maximum is 8: then no new call
	// begins.
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
	s.Abandoned = c.requests.Abandoned()
	if c.session != nil {
		s.Transport = c.session.Stats()
	}
	return s
}
