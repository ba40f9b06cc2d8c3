// Package unknown reads flags whose keys cannot be known.
package unknown

import (
	"context"
	"fmt"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Exported may be changed by other packages.
var Exported = "exported"

type config struct {
	Flag  string `json:"flag"` // want Flag:`flag key`
	unset string // want unset:`flag key`
}

func keys() []string { return strings.Fields("a b") } // want `cannot be known: expected a constant, got strings.Fields\("a b"\)`

func read(ctx context.Context, c *ffc.Client, user ffc.User, cfg config) {
	c.IsEnabled(ctx, fmt.Sprintf("shop-%d", 1), user) // want `cannot be known: expected a constant, got fmt.Sprintf\("shop-%d", 1\)`
	c.IsEnabled(ctx, Exported, user)                  // want `cannot be known: expected a constant, got Exported`
	c.IsEnabled(ctx, cfg.Flag, user)                  // want `cannot be known: expected a constant, got cfg.Flag`
	c.IsEnabled(ctx, cfg.unset, user)                 // want `cannot be known: expected a constant, got cfg.unset`
	for _, key := range keys() {
		c.IsEnabled(ctx, key, user)
	}
	key := "known"             // want `reads flag "known"`
	key = strings.ToLower(key) // want `cannot be known: expected a constant, got strings.ToLower\(key\)`
	c.IsEnabled(ctx, key, user)
	var scanned string
	fmt.Sscan("x", &scanned)
	c.IsEnabled(ctx, scanned, user) // want `cannot be known: expected a constant, got scanned`
	pointed := "before"             // another value may follow
	fmt.Sscan("x", &pointed)
	c.IsEnabled(ctx, pointed, user) // want `cannot be known: expected a constant, got pointed`
	c.IsEnabled(several())          // want `cannot be known: expected a constant, got several\(\)`
	changed := []string{"a"}
	changed[0] = scanned
	for _, key := range changed { // want `cannot be known: expected a constant, got changed`
		c.IsEnabled(ctx, key, user)
	}
	text := []byte("text")
	c.IsEnabled(ctx, string(append(text, "s"...)), user) // want `cannot be known: expected a constant, got append\(text, "s"...\)`
	c.IsEnabled(ctx, "text"[1:], user)                   // want `cannot be known: expected a constant, got "text"\[1:\]`
	nested := map[string]map[string]bool{"not read": {"a": true}}
	for _, inner := range nested {
		for key := range inner { // want `cannot be known: expected a constant, got inner`
			c.IsEnabled(ctx, key, user)
		}
	}
	for key := range nested["not read"] { // want `cannot be known: expected a constant, got nested\["not read"\]`
		c.IsEnabled(ctx, key, user)
	}
	ofMap(ctx, c, map[string]bool{"a": true})
	for _, suffix := range []string{"-a", "-b"} {
		c.IsEnabled(ctx, "checkout"+suffix, user) // want `cannot be known: expected a constant, got "checkout" \+ suffix`
	}
	prefixed(ctx, c, "known")
}

func prefixed(ctx context.Context, c *ffc.Client, key string) {
	c.IsEnabled(ctx, "shop-"+key, ffc.NewUser("u")) // want `cannot be known: expected a constant, got "shop-" \+ key`
}

func ofMap(ctx context.Context, c *ffc.Client, keys map[string]bool) {
	for key := range keys { // want `cannot be known: expected a constant, got keys`
		c.IsEnabled(ctx, key, ffc.NewUser("u"))
	}
}

func several() (context.Context, string, ffc.User) { return nil, "several", ffc.User{} }

func wrapped(ctx context.Context, c *ffc.Client, key string) bool {
	return c.IsEnabled(ctx, key, ffc.NewUser("u"))
}

func returns() func(context.Context, *ffc.Client, string) bool {
	return wrapped // want `cannot be known: callers of wrapped are not known`
}

type toggles struct{ c *ffc.Client }

func (t *toggles) On(ctx context.Context, key string) bool { // want On:`keys in parameters \[1\]`
	return t.c.IsEnabled(ctx, key, ffc.NewUser("u"))
}

func methods(c *ffc.Client, user ffc.User) (any, any) {
	return (&toggles{c}).On, // want `cannot be known: callers of toggles.On are not known`
		c.IsEnabled // want `cannot be known: callers of ffc.Client.IsEnabled are not known`
}

func closure(ctx context.Context, c *ffc.Client) func(string) bool {
	return func(key string) bool {
		return wrapped(ctx, c, key) // want `cannot be known: expected a constant, got key`
	}
}
