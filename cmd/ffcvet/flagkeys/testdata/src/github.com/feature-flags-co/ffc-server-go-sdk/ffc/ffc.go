// Package ffc has the parts of the SDK's API that the fixtures use.
package ffc

import "context"

type (
	User          struct{}
	Client        struct{}
	Flags         struct{}
	AllFlags      struct{}
	Detail[T any] struct{ Value T }
)

func NewUser(key string) User { return User{} }

func (c *Client) BoolVariation(ctx context.Context, key string, user User, fallback bool) bool {
	return fallback
}
func (c *Client) IsEnabled(ctx context.Context, key string, user User) bool { return false }
func (c *Client) Explain(key string, user User)                             {}
func (c *Client) Track(ctx context.Context, user User, eventName string)    {}
func (c *Client) For(user User) Flags                                       { return Flags{} }
func (c *Client) AllVariations(ctx context.Context, user User) AllFlags     { return AllFlags{} }
func (f Flags) Bool(ctx context.Context, key string, fallback bool) bool    { return fallback }
func (f Flags) String(ctx context.Context, key, fallback string) string     { return fallback }
func (a AllFlags) Get(key string) (Detail[string], bool)                    { return Detail[string]{}, false }
func Watch[T any](c *Client, f func(T), keys ...string)                     {}
