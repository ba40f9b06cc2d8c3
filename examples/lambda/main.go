// Command lambda is an HTTP API on AWS Lambda, behind an API Gateway or a
// function URL. Flags are fresh when an invocation begins. Events are delivered after
// the caller has the response and before Lambda freezes the process.
//
// For Lambda's provided.al2023 runtime:
//
//	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -ldflags=-s -o bootstrap ./examples/lambda
//
// Outside of Lambda, go run ./examples/lambda is a demonstration on one machine: it
// starts a platform and a Runtime API in its own process and invokes itself.
package main

import (
	"context"
	_ "embed"
	"log/slog"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// snapshot lets a new process evaluate flags before it has fetched them. A snapshot
// belongs to one environment: docs/lambda.md has the command that creates yours.
//
//go:embed snapshot.json
var snapshot []byte

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		demo()
		return
	}
	start(os.Getenv("FFC_ENV_SECRET"), os.Getenv("FFC_BASE_URL"))
}

// start serves invocations. It does not return.
func start(envSecret, baseURL string) {
	client, err := ffc.New(context.Background(), ffc.Config{
		EnvSecret: envSecret,
		BaseURL:   baseURL,
		Transport: &poll.Transport{MaxAge: 30 * time.Second},
		Bootstrap: snapshot,
		StartWait: 500 * time.Millisecond, // a start should be short; the function has the snapshot
		// With the secret of another environment, start without the snapshot.
		IgnoreForeignBootstrap: true,
		Logger:                 slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		slog.Error("invalid configuration", "error", err)
		os.Exit(1)
	}
	lambda.Start(client, (&shop{client}).serve)
}
