// Command ffcaws is a minimal program that reads heads from DynamoDB and bodies from
// S3.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
)

func main() {
	ctx := context.Background()
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: os.Args[1], SecretAccessKey: os.Args[2]}, nil
	})
	heads, err := fleetaws.NewDynamoDB(fleetaws.DynamoDBConfig{Table: "flags", Region: "eu-central-1", Credentials: credentials})
	if err != nil {
		panic(err)
	}
	bodies, err := fleetaws.NewS3(fleetaws.S3Config{Bucket: "flags", Region: "eu-central-1", Credentials: credentials})
	if err != nil {
		panic(err)
	}
	c, err := ffc.New(ctx, ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{fleet.Split{Heads: heads, Bodies: bodies}},
			Environment: os.Args[3],
		},
		Events: flush.Config{Disabled: true},
	})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	println(c.BoolVariation(ctx, "flag", ffc.NewUser("user"), false))
}
