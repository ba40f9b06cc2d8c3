package ffc_test

import (
	"context"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// shop is a service: one client for the process. The README shows it.
func shop(ctx context.Context, envSecret string) error {
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: envSecret,
		Transport: &stream.Transport{},
	})
	if err != nil {
		return err // the configuration is invalid; an outage is not an error
	}
	defer client.Close(context.WithoutCancel(ctx)) // delivers the last events

	user := ffc.NewUser("u-42", ffc.Country("FR"), ffc.String("plan", "pro"))
	if client.BoolVariation(ctx, "new-checkout", user, false) {
		fmt.Println("the new way")
	}
	return client.TrackMetric(ctx, user, "purchase", 19.90)
}

// onFeatBit is a client of a FeatBit server on this machine. The README shows
// it.
func onFeatBit(ctx context.Context, serverKey string) (*ffc.Client, error) {
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: serverKey,
		BaseURL:   "http://localhost:5100",
		Transport: &stream.Transport{},
	})
	return client, err
}
