// Command ffclambda is a minimal AWS Lambda function that polls.
package main

import (
	"context"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func main() {
	c, err := ffc.New(context.Background(), ffc.Config{EnvSecret: os.Args[1], Transport: &poll.Transport{}})
	if err != nil {
		panic(err)
	}
	lambda.Start(c, func(ctx context.Context, user string) (bool, error) {
		return c.BoolVariation(ctx, "flag", ffc.NewUser(user), false), nil
	})
}
