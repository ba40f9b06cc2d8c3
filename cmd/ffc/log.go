package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// logHandler prints what the SDK logs while it starts. The error of a connection
// is a detail of the progress line, or the error of the command if the SDK gives
// up. Later log lines are about single flags, whose explanations have the same
// error.
type logHandler struct {
	c        *cli.Console
	progress *cli.Progress // nil without a connection

	mu   sync.Mutex
	over bool
}

// stop makes the handler ignore further log lines.
func (h *logHandler) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return nil
	}
	text := strings.TrimPrefix(r.Message, "ffc: ")
	elsewhere := false // the command reports the error itself
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "state":
			elsewhere = true
		case "error":
			if err, ok := a.Value.Any().(error); ok {
				var why *transport.Error
				elsewhere = elsewhere || r.Level == slog.LevelError && errors.As(err, &why) && why.Kind == transport.KindRefused
				if h.progress != nil {
					h.progress.Set(errtext.Of(err))
				}
				text += ": " + errtext.Of(err)
				break
			}
			text += ": " + a.Value.String()
		case "advice": // is for programs: while the SDK starts, only polling has one
			text += ": leave out -poll"
		default:
			text += fmt.Sprintf(" (%s %v)", a.Key, a.Value)
		}
		return true
	})
	if !elsewhere || h.progress == nil {
		h.c.Warn("%s", text)
	}
	return nil
}

// WithAttrs implements slog.Handler. The SDK does not use it.
func (h *logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler. The SDK does not use it.
func (h *logHandler) WithGroup(string) slog.Handler { return h }
