// Command ffcsqs is a minimal program that polls and puts events into SQS.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func main() {
	ctx := context.Background()
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: os.Args[1], SecretAccessKey: os.Args[2]}, nil
	})
	queue, err := fleetaws.NewSQS(fleetaws.SQSConfig{QueueURL: os.Args[3], Region: "eu-central-1", Credentials: credentials})
	if err != nil {
		panic(err)
	}
	c, err := ffc.New(ctx, ffc.Config{
		EnvSecret: os.Args[4],
		Transport: &poll.Transport{},
		Events:    flush.Config{Sink: queue},
	})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	println(c.BoolVariation(ctx, "flag", ffc.NewUser("user"), false))
}
