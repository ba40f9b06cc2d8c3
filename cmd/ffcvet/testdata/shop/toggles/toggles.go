// Package toggles wraps a client.
package toggles

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Features reads the flags of a user.
type Features interface {
	On(ctx context.Context, name string) bool
	Limit(ctx context.Context, name string) int
}

type features struct{ flags ffc.Flags }

// New returns the features of a user.
func New(client *ffc.Client, user ffc.User) Features { return features{client.For(user)} }

func (f features) On(ctx context.Context, name string) bool   { return f.flags.Bool(ctx, name, false) }
func (f features) Limit(ctx context.Context, name string) int { return f.flags.Int(ctx, name, 10) }
