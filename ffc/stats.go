package ffc

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Stats counts what a client has done so far.
type Stats struct {
	// Evaluations counts the calls of getters; Fallbacks those of them for
	// which there was no value.
	Evaluations, Fallbacks uint64
	// Updates counts messages with data, also those that said nothing new.
	Updates   uint64
	Events    flush.Stats
	Transport transport.Stats
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	s := Stats{Events: c.events.Stats(), Updates: c.store.updates.Load()}
	s.Evaluations, s.Fallbacks = c.events.Evaluations()
	if c.session != nil {
		s.Transport = c.session.Stats()
	}
	return s
}
