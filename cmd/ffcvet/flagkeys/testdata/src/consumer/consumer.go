// Package consumer does not know where its flags come from.
package consumer

import "context"

// Flags is what this package needs.
type Flags interface {
	Bool(ctx context.Context, key string, fallback bool) bool
}

// HandleAll reads a flag of several.
func HandleAll(ctx context.Context, all ...Flags) {
	for _, f := range all {
		Handle(ctx, f)
	}
}

// Handler has a function of another package.
type Handler struct {
	IsOn func(ctx context.Context, key string, fallback bool) bool
}

// Handle reads a flag.
func Handle(ctx context.Context, f Flags) bool { return f.Bool(ctx, "lost", false) }
