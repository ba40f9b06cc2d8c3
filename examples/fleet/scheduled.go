package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// published is what an invocation of the publisher returns.
type published struct {
	Environment string `json:"environment"`
	Revision    int64  `json:"revision"`
}

// scheduled is the publisher as a function of AWS Lambda that a schedule invokes
// every five minutes. The function has the environment secret and a way to the
// platform, and writes to the directory FFC_DIR. An invocation that fails is retried
// by Lambda; readers keep their flags meanwhile.
func scheduled() {
	publisher := &relay.Publisher{
		Config: ffc.Config{
			EnvSecret: os.Getenv("FFC_ENV_SECRET"),
			BaseURL:   os.Getenv("FFC_BASE_URL"),
			Transport: &poll.Transport{}, // no connection stays open between invocations
			Logger:    slog.New(slog.NewJSONHandler(os.Stderr, nil)),
		},
		Backend: fleet.Dir{Path: os.Getenv("FFC_DIR")},
		Beat:    5 * time.Minute, // the time between two invocations
	}
	lambda.Start(func(ctx context.Context) (published, error) {
		err := publisher.Once(ctx) // ctx ends when the function times out
		status := publisher.Status()
		return published{status.Environment, status.Revision}, err
	})
}
