package ffc

import (
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/afterwork"
)

const (
	defaultFlushEvery  = 3 * time.Second
	defaultFlushEvents = 500
)

// MiddlewareConfig says when MiddlewareWith delivers events. The zero value is
// ready to use.
type MiddlewareConfig struct {
	// FlushEvery is the time between the beginnings of two deliveries. 0 is 3 s;
	// negative is none: only FlushEvents counts.
	FlushEvery time.Duration
	// FlushEvents is how many queued events start a delivery before FlushEvery
	// has passed. Half of the queue (flush.Config.Capacity) starts a delivery in
	// any case. 0 is 500; negative is half of the queue.
	FlushEvents int
	// HoldResponse is how long the end of a request waits at most until the
	// events of that request have been delivered. While HoldResponse is above 0,
	// a delivery starts at the end of each request that leaves events. Requests
	// do not wait after a delivery has failed, nor for one that has taken longer
	// than HoldResponse already. 0 or negative is never: no request waits for
	// events.
	HoldResponse time.Duration
}

// Middleware is MiddlewareWith with the defaults of MiddlewareConfig.
func (c *Client) Middleware(next http.Handler) http.Handler {
	return c.MiddlewareWith(MiddlewareConfig{}, next)
}

// MiddlewareWith wraps a handler for servers that only run while they serve
// requests, such as Cloud Run with request-based CPU. Before each request it
// calls Refresh, so that the data is up to date. It delivers the events of
// earlier requests while the next one is handled: no request waits for a
// delivery, unless cfg.HoldResponse says so.
//
// A delivery starts when a request begins, or while a long one lasts, and
// cfg.FlushEvery or cfg.FlushEvents is reached. The delivery may outlast that
// request; while no request is under way its timeouts stand still. No delivery
// starts between requests. The events of the last request before a quiet time
// leave with a later request or on Close: call Close when the process ends.
// After a delivery has failed, the next one starts after 1 s at the earliest,
// then 2 s, up to a minute, less a random part of up to a half.
//
// MiddlewareWith does not touch the ResponseWriter, so responses, hijacking,
// flushing and panics are as without it. A flag problem never fails a request.
// Handlers that are wrapped with the same client count as one server, each with
// its own cfg.
func (c *Client) MiddlewareWith(cfg MiddlewareConfig, next http.Handler) http.Handler {
	if c.unmade() {
		return next
	}
	rule := cfg.rule(c.events.Capacity())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.deliveries.Begin(rule)
		defer c.deliveries.End()
		if cfg.HoldResponse > 0 {
			defer c.deliveries.Hold(r.Context(), cfg.HoldResponse)
		}
		_ = c.Refresh(r.Context()) // Status reports the error
		next.ServeHTTP(w, r)
	})
}

// rule returns when events are due, for a queue of this capacity.
func (cfg MiddlewareConfig) rule(capacity int) afterwork.Rule {
	rule := afterwork.Rule{Every: cfg.FlushEvery, Events: uint64(max(capacity/2, 1))}
	if rule.Every == 0 {
		rule.Every = defaultFlushEvery
	}
	events := cfg.FlushEvents
	if events == 0 {
		events = defaultFlushEvents
	}
	if events > 0 {
		rule.Events = min(rule.Events, uint64(events))
	}
	return rule
}
