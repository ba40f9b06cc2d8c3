package ffc

import "context"

// Variation returns the value of a flag for a user, or fallback if the flag cannot
// be evaluated; VariationDetail also returns the reason. Variation does not block,
// do I/O or panic, and allocates nothing after the first evaluation of the flag. It
// records an event for the flag and for each prerequisite that it evaluates. ctx
// does not affect the value; it is passed to Config.OnEvaluation. All getters may
// be called concurrently, before the client is ready and after it is closed.
func (c *Client) Variation(ctx context.Context, key string, user User, fallback string) string {
	return c.For(user).String(ctx, key, fallback)
}

// VariationDetail is Variation with the reason for the value.
func (c *Client) VariationDetail(ctx context.Context, key string, user User, fallback string) Detail[string] {
	return c.For(user).StringDetail(ctx, key, fallback)
}

// BoolVariation is Variation for a flag whose value is true or false, in upper or
// lower case. On classic the values on, yes, t, y and 1 also mean true, and off,
// no, f, n and 0 also mean false. Other values have the wrong type.
func (c *Client) BoolVariation(ctx context.Context, key string, user User, fallback bool) bool {
	return c.For(user).Bool(ctx, key, fallback)
}

// BoolVariationDetail is BoolVariation with the reason for the value.
func (c *Client) BoolVariationDetail(ctx context.Context, key string, user User, fallback bool) Detail[bool] {
	return c.For(user).BoolDetail(ctx, key, fallback)
}

// IntVariation is Variation for a flag whose value is a whole number. The result is
// exact; a number that does not fit into an int has the wrong type. On classic the
// value may be any finite decimal number, and a fraction is cut off: 3.7 is 3, and
// 1.5e1 is 15. On FeatBit the value must have only digits: 3.0 and 3e0 have the
// wrong type.
func (c *Client) IntVariation(ctx context.Context, key string, user User, fallback int) int {
	return c.For(user).Int(ctx, key, fallback)
}

// IntVariationDetail is IntVariation with the reason for the value.
func (c *Client) IntVariationDetail(ctx context.Context, key string, user User, fallback int) Detail[int] {
	return c.For(user).IntDetail(ctx, key, fallback)
}

// FloatVariation is Variation for a flag whose value is a finite decimal
// number, on classic also with underscores between digits.
func (c *Client) FloatVariation(ctx context.Context, key string, user User, fallback float64) float64 {
	return c.For(user).Float(ctx, key, fallback)
}

// FloatVariationDetail is FloatVariation with the reason for the value.
func (c *Client) FloatVariationDetail(ctx context.Context, key string, user User, fallback float64) Detail[float64] {
	return c.For(user).FloatDetail(ctx, key, fallback)
}

// JSONVariation decodes the JSON value of a flag into the variable that into points
// to, as json.Unmarshal does: fields that the JSON does not have stay unchanged. If
// the flag cannot be evaluated or its value does not fit, JSONVariation returns the
// reason as an error and does not change the variable. Unlike the other getters, it
// allocates.
func (c *Client) JSONVariation(ctx context.Context, key string, user User, into any) error {
	return c.For(user).JSON(ctx, key, into)
}

// IsEnabled reports whether the value of a flag is y, yes, t, true, on or 1, in
// upper or lower case. It returns false if the flag cannot be evaluated.
func (c *Client) IsEnabled(ctx context.Context, key string, user User) bool {
	return c.For(user).IsEnabled(ctx, key)
}

// FlagKnown reports whether the environment has a flag with this key. It evaluates
// nothing and records no event. It returns false until the client has data, and
// after Close.
func (c *Client) FlagKnown(key string) bool {
	v := c.current()
	return v.serving && v.snapshot.Has(key)
}
