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
	_ = consumer.Handler{IsOn: c.For(user).Bool} // want `cannot be known: callers of consumer.Handler.IsOn are not known`
	var f flags = c.For(user)
	f.Bool(ctx, "own contract", false) // want `reads flag "own contract"`
	var _ any = c
}

type holder struct{ flags consumer.Flags }

func ways(ctx context.Context, c *ffc.Client, user ffc.User) (consumer.Flags, error) {
	flags := c.For(user)
	consumer.HandleAll(ctx, nil, flags)                 // want `callers of consumer.Flags.Bool`
	consumer.HandleAll(ctx, []consumer.Flags{flags}...) // want `callers of consumer.Flags.Bool`
	_ = consumer.Flags(flags)                           // want `callers of consumer.Flags.Bool`
	_ = map[string]consumer.Flags{"a": flags}           // want `callers of consumer.Flags.Bool`
	_ = [2]consumer.Flags{1: flags}                     // want `callers of consumer.Flags.Bool`
	h := holder{flags}                                  // want `callers of consumer.Flags.Bool`
	h.flags = flags                                     // want `callers of consumer.Flags.Bool`
	list := make([]consumer.Flags, 1)
	list[0] = flags // want `callers of consumer.Flags.Bool`
	sent := make(chan consumer.Flags, 1)
	sent <- flags                       // want `callers of consumer.Flags.Bool`
	var declared consumer.Flags = flags // want `callers of consumer.Flags.Bool`
	_ = declared
	return flags, nil // want `callers of consumer.Flags.Bool`
}
