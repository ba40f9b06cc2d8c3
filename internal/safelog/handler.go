// Package safelog keeps the application's logger from harming the client: one
// that is slow, stuck or panics costs lines of the log and nothing else.
package safelog

import (
	"context"
	"log/slog"
	"time"
)

// maxWait is how long a caller waits for its line to be written, so that lines
// come in time and in order with the application's own.
const maxWait = 100 * time.Millisecond

// New returns two loggers that pass on to the application's, through one queue.
// Calls of the first wait until the line is written, but not for long; those of
// the second, for callers that must not wait, return at once.
func New(to *slog.Logger) (patient, prompt *slog.Logger) {
	q := &queue{}
	return slog.New(handler{q, to.Handler(), maxWait}), slog.New(handler{q, to.Handler(), 0})
}

type handler struct {
	queue *queue
	to    slog.Handler
	wait  time.Duration
}

// Enabled implements slog.Handler. The application's handler is asked later,
// where it can do no harm.
func (h handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. The context is not passed on: it may be over
// by the time the line is written.
func (h handler) Handle(_ context.Context, r slog.Record) error {
	h.queue.put(line{h.to, r.Clone()}, h.wait)
	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.to = h.to.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	h.to = h.to.WithGroup(name)
	return h
}
