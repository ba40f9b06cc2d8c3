// Package safelog protects the client from the application's logger: if the
// logger is slow, blocks or panics, only log lines are lost.
package safelog

import (
	"context"
	"log/slog"
	"time"
)

// maxWait is how long a caller waits for its line to be written, so that lines
// appear at once and in order with the application's lines.
const maxWait = 100 * time.Millisecond

// New returns two loggers that forward to the application's logger through one
// queue. A call of blocking returns when the line is written, or after 100 ms. A
// call of immediate returns at once, for callers that must not wait. Both may be
// called concurrently.
func New(to *slog.Logger) (blocking, immediate *slog.Logger) {
	q := &queue{}
	return slog.New(&handler{q, to.Handler(), maxWait}), slog.New(&handler{q, to.Handler(), 0})
}

type handler struct {
	queue *queue
	to    slog.Handler
	wait  time.Duration
}

// Enabled implements slog.Handler. The application's handler decides later, in
// the queue's goroutine, where it cannot block a caller.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. It does not forward the context, which may
// have ended when the line is written.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	h.queue.put(line{h.to, r.Clone()}, h.wait)
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.queue, h.to.WithAttrs(attrs), h.wait}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.queue, h.to.WithGroup(name), h.wait}
}
