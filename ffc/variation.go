package ffc

import "context"

// Variation returns the value of a flag for a user, or fallback if there is
// none: VariationDetail tells why. It does not block, do I/O or panic, and
// allocates nothing once the flag has been used. It records an event for each
// flag it evaluates. ctx does not affect the answer; Config.OnEvaluation sees
// it. All getters may be called concurrently, before the client is ready and
// after it is closed.
func (c *Client) Variation(ctx context.Context, key string, user User, fallback string) string {
	return c.For(user).String(ctx, key, fallback)
}

// VariationDetail is Variation with the reason for the answer.
func (c *Client) VariationDetail(ctx context.Context, key string, user User, fallback string) Detail[string] {
	return c.For(user).StringDetail(ctx, key, fallback)
}

// BoolVariation is Variation for a flag whose value is true or false, in any
// case. On classic on, yes, t, y and 1, and off, no, f, n and 0 count as well.
// Other values are of the wrong type.
func (c *Client) BoolVariation(ctx context.Context, key string, user User, fallback bool) bool {
	return c.For(user).Bool(ctx, key, fallback)
}

// BoolVariationDetail is BoolVariation with the reason for the answer.
func (c *Client) BoolVariationDetail(ctx context.Context, key string, user User, fallback bool) Detail[bool] {
	return c.For(user).BoolDetail(ctx, key, fallback)
}

// IntVariation is Variation for a flag whose value is a whole number. It is exact
// however many digits it has; a number that an int cannot hold is of the wrong
// type. On classic the value may be any finite decimal number, and a fraction is
// cut off: 3.7 is 3, and 1.5e1 is 15. On FeatBit it has digits only: 3.0 and 3e0
// are of the wrong type.
func (c *Client) IntVariation(ctx context.Context, key string, user User, fallback int) int {
	return c.For(user).Int(ctx, key, fallback)
}

// IntVariationDetail is IntVariation with the reason for the answer.
func (c *Client) IntVariationDetail(ctx context.Context, key string, user User, fallback int) Detail[int] {
	return c.For(user).IntDetail(ctx, key, fallback)
}

// FloatVariation is Variation for a flag whose value is a finite decimal
// number, on classic also with underscores between digits.
func (c *Client) FloatVariation(ctx context.Context, key string, user User, fallback float64) float64 {
	return c.For(user).Float(ctx, key, fallback)
}

// FloatVariationDetail is FloatVariation with the reason for the answer.
func (c *Client) FloatVariationDetail(ctx context.Context, key string, user User, fallback float64) Detail[float64] {
	return c.For(user).FloatDetail(ctx, key, fallback)
}

// JSONVariation decodes the value of a flag, which is JSON, into what into
// points to, as json.Unmarshal does: fields that the value does not have keep
// what they were. If there is no value, or it does not fit, the error says why
// and into is untouched. Unlike the other getters, it
// allocates.
func (c *Client) JSONVariation(ctx context.Context, key string, user User, into any) error {
	return c.For(user).JSON(ctx, key, into)
}

// IsEnabled reports whether the value of a flag is y, yes, t, true, on or 1, in
// any case. It is false whenever there is no value.
func (c *Client) IsEnabled(ctx context.Context, key string, user User) bool {
	return c.For(user).IsEnabled(ctx, key)
}

// FlagKnown reports whether the environment has a flag with this key. It
// evaluates nothing and records nothing.
func (c *Client) FlagKnown(key string) bool {
	v := c.current()
	return v.serving && v.snapshot.Has(key)
}
