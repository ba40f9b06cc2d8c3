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
	// FlushEvery is the time between the beginnings of two deliveries. 0 is 3 s.
	// With a negative value only FlushEvents starts deliveries.
	FlushEvery time.Duration
	// FlushEvents is how many queued events start a delivery before FlushEvery
	// has passed. Half of the queue (flush.Config.Capacity) starts a delivery in
	// any case. 0 is 500; negative is half of the queue.
	FlushEvents int
	// HoldResponse is the maximum time that the end of a request waits until the
	// events of that request have been delivered. While HoldResponse is above 0,
	// a delivery starts at the end of each request that recorded events. Requests
	// do not wait after a delivery has failed, nor for a delivery that has
	// already taken longer than HoldResponse. With 0 or a negative value no
	// request waits for events.
	HoldResponse time.Duration
}

// Middleware is MiddlewareWith with the defaults of MiddlewareConfig.
func (c *Client) Middleware(next http.Handler) http.Handler {
	return c.MiddlewareWith(MiddlewareConfig{}, next)
}

// MiddlewareWith wraps a handler for servers that only run while they serve
// requests, such as Cloud Run with request-based CPU. Before each request it
// calls Refresh, so that the data is up to date. It delivers the events of
// earlier requests while the next request is handled: no request waits for a
// delivery, unless cfg.HoldResponse is set.
//
// When cfg.FlushEvery or cfg.FlushEvents is reached, a delivery starts at the
// beginning of a request or during a long request. The delivery may continue
// after that request; while no request is under way, its timeouts do not run. No
// delivery starts between requests. The events of the last request before a quiet
// time are delivered with a later request or on Close: call Close when the process
// ends. After a delivery has failed, the next one starts after a backoff: 1 s,
// then 2 s, up to a minute, less a random part of up to a half.
//
// MiddlewareWith does not use the ResponseWriter, so responses, hijacking,
// flushing and panics work as without it. An error of the client never fails a
// request. Handlers that are wrapped with the same client count as one server,
// each with its own cfg.
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

// rule returns when a delivery is due, for a queue of this capacity.
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
