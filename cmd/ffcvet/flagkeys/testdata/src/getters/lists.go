package getters

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

type flagLists struct {
	keys   []string          // want keys:`flag key`
	byName map[string]string // want byName:`flag key`
}

var byTeam = map[string][]string{"shop": {"shop-1", "shop-2"}, "mail": nil} // want `reads flag "shop-1"` `reads flag "shop-2"`

func resultList() []string        { return []string{"result-1"} }              // want `reads flag "result-1"`
func resultMap() map[string]bool  { return map[string]bool{"result-2": true} } // want `reads flag "result-2"`
func resultKeys() map[string]bool { fallbacks := fallbacks; return fallbacks }

func one(ctx context.Context, c *ffc.Client, key string) {
	c.IsEnabled(ctx, key, ffc.NewUser("u"))
}

func each(ctx context.Context, c *ffc.Client, keys []string) {
	keys = append(keys, "always") // want `reads flag "always"`
	for _, key := range keys {
		one(ctx, c, key)
	}
}

func first(ctx context.Context, c *ffc.Client, keys []string) {
	one(ctx, c, keys[0])
}

func elementsOfLists(ctx context.Context, c *ffc.Client, l flagLists) {
	for _, key := range []string{"element"} { // want `reads flag "element"`
		one(ctx, c, key)
	}
	each(ctx, c, []string{"argument"})    // want `reads flag "argument"`
	first(ctx, c, []string{"indexed"}[:]) // want `reads flag "indexed"`
	l.keys = []string{"field-1"}          // want `reads flag "field-1"`
	l.byName = map[string]string{
		"a": "field-2", // want `reads flag "field-2"`
	}
	for _, key := range l.keys {
		one(ctx, c, key)
	}
	one(ctx, c, l.byName["a"])
	for _, list := range byTeam {
		for i := range list {
			one(ctx, c, list[i])
		}
	}
	for _, key := range resultList() {
		one(ctx, c, key)
	}
	for key := range resultMap() {
		one(ctx, c, key)
	}
	for key := range resultKeys() {
		one(ctx, c, key)
	}
	var key string
	for _, key = range [...]string{"assigned"} { // want `reads flag "assigned"`
		one(ctx, c, key)
	}
	var list []string
	list = append(list, "appended-1", "appended-2") // want `reads flag "appended-1"` `reads flag "appended-2"`
	each(ctx, c, list)
}
