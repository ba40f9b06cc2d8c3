package fleetaws_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
)

// cfg is what config.LoadDefaultConfig returns on AWS.
var cfg = aws.Config{
	Region: "eu-central-1",
	Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, nil
	}),
}

// A reader. Nothing listens at the endpoint here.
func ExampleNewS3() {
	ctx := context.Background()
	engine, err := fleetaws.NewS3(fleetaws.S3Config{
		Bucket:      "flags",
		Region:      cfg.Region,
		Credentials: cfg.Credentials,
		Endpoint:    "http://127.0.0.1:1",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := ffc.New(ctx, ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{engine},
			Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
		},
		Events:    flush.Config{Disabled: true},
		StartWait: -1, // do not wait
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	if client.Refresh(ctx) != nil {
		fmt.Println(client.BoolVariation(ctx, "new-checkout", ffc.NewUser("u-42"), false))
	}
	// Output: false
}

// A publisher, with heads in a table and bodies in a bucket.
func ExampleNewDynamoDB() {
	open := func(reader bool) (fleet.Backend, error) {
		heads, err := fleetaws.NewDynamoDB(fleetaws.DynamoDBConfig{
			Table:                "flags",
			Region:               cfg.Region,
			Credentials:          cfg.Credentials,
			EventuallyConsistent: reader, // halves what reads cost; a publisher needs false
		})
		if err != nil {
			return nil, err
		}
		bodies, err := fleetaws.NewS3(fleetaws.S3Config{
			Bucket:      "flags",
			Region:      cfg.Region,
			Credentials: cfg.Credentials,
		})
		if err != nil {
			return nil, err
		}
		return fleet.Split{Heads: heads, Bodies: bodies}, nil
	}
	engine, err := open(false)
	if err != nil {
		fmt.Println(err)
		return
	}
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: "the secret of an environment"},
		Backend: engine,
	}
	_ = publisher.Run // blocks until its context ends
	fmt.Println(engine.(fleet.Split).Heads, engine.(fleet.Pacer).Beat())
	// Output: DynamoDB table flags 15s
}

// What a publisher does, and what happens when two of them do so at once.
func ExampleS3() {
	engine, err := fleetaws.NewS3(fleetaws.S3Config{
		Bucket:      "flags",
		Region:      cfg.Region,
		Credentials: cfg.Credentials,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.CloseIdleConnections()
	_ = func(ctx context.Context) error {
		tag, err := engine.Swap(ctx, "environment/head", []byte("first"), "")
		if err != nil {
			return err // fleet.ErrConflict: another publisher was first
		}
		_, err = engine.Swap(ctx, "environment/head", []byte("second"), tag)
		return err
	}
	fmt.Println(engine)
	// Output: S3 bucket flags
}

// A function without a way to the platform puts its events into a queue.
func ExampleNewSQS() {
	queue, err := fleetaws.NewSQS(fleetaws.SQSConfig{
		QueueURL:    "https://sqs.eu-central-1.amazonaws.com/123456789012/events",
		Region:      cfg.Region,
		Credentials: cfg.Credentials,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	events := flush.Config{Sink: queue} // for ffc.Config.Events
	fmt.Println(events.Sink)
	// Output: SQS queue events
}

// A function that SQS invokes with messages returns which of them have failed: only
// those are delivered again. Switch ReportBatchItemFailures on.
func ExampleParseMessage() {
	forwarder := &relay.Forwarder{
		Destination: func(environment string) (relay.Destination, bool) { return relay.Destination{}, false },
	}
	handle := func(ctx context.Context, messages map[string]string) (failures []string) {
		var ids []string
		var batches []flush.Batch
		for id, body := range messages {
			batch, err := fleetaws.ParseMessage(body)
			if err != nil {
				failures = append(failures, id) // another program wrote it
				continue
			}
			ids, batches = append(ids, id), append(batches, batch)
		}
		for i, err := range forwarder.Forward(ctx, batches) {
			if err != nil {
				failures = append(failures, ids[i])
			}
		}
		return failures
	}
	fmt.Println(handle(context.Background(), map[string]string{"1": "other"}))
	// Output: [1]
}
