// Package wrappers passes keys on to getters.
package wrappers

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Features wraps a client.
type Features struct {
	client *ffc.Client
	user   ffc.User
	// Hook is called with a key.
	Hook func(key string) bool // want Hook:`keys in parameters \[0\]`
}

// On passes its second parameter on.
func (f *Features) On(ctx context.Context, key string) bool { // want On:`keys in parameters \[1\]`
	return f.client.IsEnabled(ctx, key, f.user)
}

// Twice calls On, declared before or not.
func (f *Features) Twice(name string) bool { // want Twice:`keys in parameters \[0\]`
	return f.On(context.Background(), string(name)) && f.any("own") // want `reads flag "own"`
}

func (f *Features) any(keys ...string) bool { // want any:`keys in parameters \[0\]`
	for _, key := range keys {
		if f.On(context.Background(), key) {
			return true
		}
	}
	return false
}

// Any passes a list on.
func (f *Features) Any(keys ...string) bool { return f.any(keys...) } // want Any:`keys in parameters \[0\]`

// Use sets Hook.
func (f *Features) Use() { f.Hook = f.Twice }

// First is generic.
func First[T any](f *Features, key string, a, b T) T { // want First:`keys in parameters \[1\]`
	if f.Twice(key) {
		return a
	}
	return b
}

// Flag has its key in a field.
type Flag struct {
	Key      string // want Key:`flag key`
	Fallback bool
}

// On reads the flag.
func (f Flag) On(ctx context.Context, c *ffc.Client) bool {
	return c.BoolVariation(ctx, f.Key, ffc.NewUser("u"), f.Fallback)
}

// Known are flags.
var Known = []Flag{{"positional", true}, {Key: "named"}} // want `reads flag "positional"` `reads flag "named"`

// Reader is what Features is to others.
type Reader interface {
	On(ctx context.Context, key string) bool // want On:`keys in parameters \[1\]`
}

// New returns Features as a Reader.
func New(c *ffc.Client) Reader { return &Features{client: c} }

func local(ctx context.Context, f *Features) {
	on := func(suffix string, key string) bool { return f.On(ctx, key) }
	on("a", "closure")                                    // want `reads flag "closure"`
	func(key string) { f.On(ctx, key) }("called at once") // want `reads flag "called at once"`
	get := f.Twice
	get("method value") // want `reads flag "method value"`
	each(f.Twice)
}

func each(read func(string) bool) {
	read("passed") // want `reads flag "passed"`
}
