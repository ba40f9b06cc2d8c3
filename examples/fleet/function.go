package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// request is the payload of an invocation.
type request struct {
	User string `json:"user"`
}

// response is what an invocation returns.
type response struct {
	Checkout string `json:"checkout"`
	Revision int64  `json:"revision"`
}

// function serves invocations of AWS Lambda. The function reads the flags from the
// directory FFC_DIR, such as a mounted file system, and has neither a secret nor a
// way to the platform.
func function() {
	client, err := ffc.New(context.Background(), ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{fleet.Dir{Path: os.Getenv("FFC_DIR")}},
			Environment: os.Getenv("FFC_ENVIRONMENT"),
			MaxAge:      maxAge(),
		},
		Events:    flush.Config{Disabled: true}, // there is no way to the platform
		StartWait: 500 * time.Millisecond,
		Logger:    slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		slog.Error("invalid configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(client, func(ctx context.Context, r request) (response, error) {
		return response{
			Checkout: client.Variation(ctx, "checkout", ffc.NewUser(r.User), "none"),
			Revision: client.Status().Source.Revision,
		}, nil
	})
}

// maxAge returns how old the head may be when an invocation begins: FFC_MAX_AGE,
// such as 10s, or 0, which is the default of 30 s.
func maxAge() time.Duration {
	d, err := time.ParseDuration(os.Getenv("FFC_MAX_AGE"))
	if err != nil {
		return 0
	}
	return d
}
