// Package offline shows how an application tests code that uses flags: see its
// tests.
package offline

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Checkout is code of an application whose behaviour depends on a flag.
type Checkout struct{ Flags *ffc.Client }

// Price returns what a customer pays, in cents.
func (c Checkout) Price(ctx context.Context, customer ffc.User, list int) int {
	percent := c.Flags.IntVariation(ctx, "discount", customer, 0)
	return list - list*percent/100
}

// Buy returns the price of a purchase and records it as a metric for experiments.
func (c Checkout) Buy(ctx context.Context, customer ffc.User, list int) (int, error) {
	price := c.Price(ctx, customer, list)
	return price, c.Flags.TrackMetric(ctx, customer, "purchase", float64(price)/100)
}
