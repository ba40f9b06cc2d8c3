package ffc

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Stats counts the work of a client since New.
type Stats struct {
	// Evaluations counts the calls of getters. Fallbacks counts the calls that
	// returned the fallback, and FallbackReasons counts those by reason.
	// ValueReasons counts by reason the calls that returned the flag's value.
	Evaluations, Fallbacks uint64
	ValueReasons           ValueReasons
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

// ValueReasons counts evaluations that returned the flag's value by Reason. Their
// sum is Stats.Evaluations less Stats.Fallbacks.
type ValueReasons struct {
	FlagOff            uint64 // ReasonFlagOff
	PrerequisiteFailed uint64 // ReasonPrerequisiteFailed
	TargetMatch        uint64 // ReasonTargetMatch
	RuleMatch          uint64 // ReasonRuleMatch
	Fallthrough        uint64 // ReasonFallthrough
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

func (r ValueReasons) total() uint64 {
	return r.FlagOff + r.PrerequisiteFailed + r.TargetMatch + r.RuleMatch + r.Fallthrough
}

func (r FallbackReasons) total() uint64 {
	return r.NotReady + r.FlagNotFound + r.UserNotSpecified + r.WrongType + r.Error
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	if c.unmade() {
		return Stats{}
	}
	s := Stats{Events: c.events.Stats(), Updates: c.store.updates.Load(), PatternsGivenUp: c.store.source.PatternsGivenUp()}
	n := c.events.Evaluations()
	s.ValueReasons = ValueReasons{
		FlagOff:            n[eval.ReasonOff],
		PrerequisiteFailed: n[eval.ReasonPrerequisiteFailed],
		TargetMatch:        n[eval.ReasonTargetMatch],
		RuleMatch:          n[eval.ReasonRuleMatch],
		Fallthrough:        n[eval.ReasonFallthrough],
	}
	s.FallbackReasons = FallbackReasons{
		NotReady:         n[eval.ReasonNotReady],
		FlagNotFound:     n[eval.ReasonFlagNotFound],
		UserNotSpecified: n[eval.ReasonUserNotSpecified],
		WrongType:        n[eval.ReasonWrongType],
		Error:            n[eval.ReasonError] + n[eval.ReasonLimit],
	}
	s.Fallbacks = s.FallbackReasons.total()
	s.Evaluations = s.ValueReasons.total() + s.Fallbacks
	s.Abandoned = c.requests.Abandoned() + c.events.Abandoned()
	if c.session != nil {
		s.Transport = c.session.Stats()
	}
	return s
}
