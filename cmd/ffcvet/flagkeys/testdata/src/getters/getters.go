// Package getters reads flags with constants.
package getters

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

const (
	prefix   = "shop-"
	checkout = prefix + "checkout"
)

type flagKey string

const typed flagKey = "typed"

var (
	variable          = "variable"                        // want `reads flag "variable"`
	lists             = []string{"list-1", "list-2"}      // want `reads flag "list-1"` `reads flag "list-2"`
	fallbacks         = map[string]bool{"map-key": true}  // want `reads flag "map-key"`
	byCountry         = map[string]string{"FR": "france"} // want `reads flag "france"`
	notRead           = []string{"not-read"}
	exportedElsewhere = "not-read"
)

func direct(ctx context.Context, c *ffc.Client, user ffc.User) {
	c.BoolVariation(ctx, "direct", user, false)         // want `reads flag "direct"`
	c.IsEnabled(ctx, checkout, user)                    // want `reads flag "shop-checkout"`
	c.IsEnabled(ctx, prefix+"banner", user)             // want `reads flag "shop-banner"`
	c.IsEnabled(ctx, string(typed), user)               // want `reads flag "typed"`
	c.Explain(("in \"quotes\""), user)                  // want `reads flag "in \\"quotes\\""`
	c.For(user).Bool(ctx, "of-user", true)              // want `reads flag "of-user"`
	c.For(user).String(ctx, "text", "fallback")         // want `reads flag "text"`
	c.AllVariations(ctx, user).Get("one-of-all")        // want `reads flag "one-of-all"` `cannot be known: AllVariations returns all flags`
	ffc.Watch(c, func(bool) {}, "first", "second")      // want `reads flag "first"` `reads flag "second"`
	(*ffc.Client).IsEnabled(c, ctx, "expression", user) // want `reads flag "expression"`
	c.Track(ctx, ffc.NewUser("user"), "event")
}

type region int

func (r region) key() string {
	list := func() string { return "not the result" }
	if r == 1 {
		return "region-1" // want `reads flag "region-1"`
	}
	_ = list
	return other()
}

func other() (key string) {
	key = "region-2" // want `reads flag "region-2"`
	return
}

func results(ctx context.Context, c *ffc.Client, user ffc.User, r region) {
	c.IsEnabled(ctx, r.key(), user)
}

func variables(ctx context.Context, c *ffc.Client, user ffc.User, beta bool) {
	key := "stable" // want `reads flag "stable"`
	if beta {
		key = "beta" // want `reads flag "beta"`
	}
	c.IsEnabled(ctx, key, user)
	variable = "other" // want `reads flag "other"`
	c.IsEnabled(ctx, variable, user)
	for _, key := range lists {
		c.IsEnabled(ctx, key, user)
	}
	for key, fallback := range fallbacks {
		c.BoolVariation(ctx, key, user, fallback)
	}
	for _, key := range [...]string{"literal"} { // want `reads flag "literal"`
		c.IsEnabled(ctx, key, user)
	}
	c.IsEnabled(ctx, byCountry["FR"], user)
	_, _ = notRead, exportedElsewhere
}
