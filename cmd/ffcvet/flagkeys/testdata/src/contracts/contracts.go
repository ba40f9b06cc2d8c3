// Package contracts has an interface that a client implements.
package contracts

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Flags is a contract of this package's own.
type Flags interface {
	BoolVariation(ctx context.Context, name string, user ffc.User, fallback bool) bool // want BoolVariation:`keys in parameters \[1\]`
}

// Other has a method that no client has.
type Other interface {
	BoolVariation(ctx context.Context, name string) bool
}

// Handle reads a flag.
func Handle(ctx context.Context, f Flags, o Other) {
	f.BoolVariation(ctx, "contract", ffc.NewUser("u"), false) // want `reads flag "contract"`
	o.BoolVariation(ctx, "no flag")
}

// Client is a client as a Flags.
func Client() Flags { return new(ffc.Client) }
