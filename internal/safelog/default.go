package safelog

import (
	"context"
	"log/slog"
)

// Default returns a logger that forwards each line, with its level and
// attributes, to the current slog.Default: programs often set the default after
// they have created a client.
func Default() *slog.Logger { return slog.New(&followDefault{}) }

// followDefault is a handler of slog.Default.
type followDefault struct {
	// with adds the attributes and groups, in their order.
	with []func(slog.Handler) slog.Handler
}

// handler returns the current handler.
func (f *followDefault) handler() slog.Handler {
	h := slog.Default().Handler()
	for _, add := range f.with {
		h = add(h)
	}
	return h
}

// Enabled implements slog.Handler.
func (f *followDefault) Enabled(ctx context.Context, level slog.Level) bool {
	return slog.Default().Handler().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (f *followDefault) Handle(ctx context.Context, r slog.Record) error {
	return f.handler().Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (f *followDefault) WithAttrs(attrs []slog.Attr) slog.Handler {
	return f.adding(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (f *followDefault) WithGroup(name string) slog.Handler {
	return f.adding(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (f *followDefault) adding(add func(slog.Handler) slog.Handler) slog.Handler {
	return &followDefault{append(f.with[:len(f.with):len(f.with)], add)}
}
