package ffc_test

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

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
