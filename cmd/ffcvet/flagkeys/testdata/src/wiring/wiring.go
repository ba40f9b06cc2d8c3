// Package wiring gives a client to a package that does not know it.
package wiring

import (
	"context"

	"consumer"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

type flags interface {
	Bool(ctx context.Context, key string, fallback bool) bool // want Bool:`keys in parameters \[1\]`
}

func wire(ctx context.Context, c *ffc.Client, user ffc.User) {
	consumer.Handle(ctx, c.For(user))            // want `cannot be known: callers of consumer.Flags.Bool are not known`
	_ = consumer.Handler{IsOn: c.For(user).Bool} // want `cannot be known: callers of IsOn are not known`
	var f flags = c.For(user)
	f.Bool(ctx, "own contract", false) // want `reads flag "own contract"`
	var _ any = c
}
