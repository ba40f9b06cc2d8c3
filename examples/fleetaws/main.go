// Command fleetaws is two functions of AWS Lambda that bring events to the platform
// without anything that is always on.
//
// The first serves invocations in a network without a way to the platform. It reads
// flags from the directory FFC_DIR, and puts events into a queue of SQS. The second,
// with FFC_ENV_SECRET, is invoked by SQS with the messages of that queue, and delivers
// the events to the platform.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
)

func main() {
	if os.Getenv("FFC_ENV_SECRET") != "" {
		forwarding()
	} else {
		serving()
	}
}

// request is the payload of an invocation.
type request struct {
	User string `json:"user"`
}

// response is what an invocation returns.
type response struct {
	Checkout string `json:"checkout"`
}

// serving serves invocations. After each, the events are in SQS before the function is
// frozen.
func serving() {
	queue, err := fleetaws.NewSQS(fleetaws.SQSConfig{
		QueueURL:    os.Getenv("FFC_QUEUE_URL"),
		Region:      os.Getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(credentials),
		Endpoint:    os.Getenv("FFC_SQS_ENDPOINT"), // "" on AWS, or that of a VPC endpoint
	})
	if err != nil {
		fail(err)
	}
	client, err := ffc.New(context.Background(), ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{fleet.Dir{Path: os.Getenv("FFC_DIR")}}, // or fleetaws.NewS3
			Environment: os.Getenv("FFC_ENVIRONMENT"),
		},
		Events:    flush.Config{Sink: queue},
		StartWait: 500 * time.Millisecond,
		Logger:    slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		fail(err)
	}
	lambda.Start(client, func(ctx context.Context, r request) (response, error) {
		return response{client.Variation(ctx, "checkout", ffc.NewUser(r.User), "none")}, nil
	})
}

// forwarding delivers the events in messages of SQS. In the event source mapping switch
// ReportBatchItemFailures on: then only messages that have failed come again, and those
// that fail too often go to the queue's dead-letter queue.
func forwarding() {
	to := relay.Destination{EventsURL: os.Getenv("FFC_EVENTS_URL"), EnvSecret: os.Getenv("FFC_ENV_SECRET")}
	forwarder := &relay.Forwarder{
		Destination: func(environment string) (relay.Destination, bool) {
			return to, environment == os.Getenv("FFC_ENVIRONMENT")
		},
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}
	awslambda.Start(func(ctx context.Context, event events.SQSEvent) (r events.SQSEventResponse, err error) {
		failed := func(id string) {
			r.BatchItemFailures = append(r.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
		}
		var ids []string
		var batches []flush.Batch
		for _, m := range event.Records {
			batch, err := fleetaws.ParseMessage(m.Body)
			if err != nil {
				slog.Error("a message is not of a client", "message", m.MessageId, "error", err)
				failed(m.MessageId)
				continue
			}
			ids, batches = append(ids, m.MessageId), append(batches, batch)
		}
		// Some time is left for the response.
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-time.Second))
			defer cancel()
		}
		for i, err := range forwarder.Forward(ctx, batches) {
			if err != nil {
				slog.Warn("events were not delivered", "message", ids[i], "error", err)
				failed(ids[i])
			}
		}
		return r, nil
	})
}

// credentials are those of the function's role. A program that links
// aws-sdk-go-v2/config takes them from there.
func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}, nil
}

func fail(err error) {
	slog.Error("invalid configuration", "error", err)
	os.Exit(1)
}
