// Command ffcstream is a minimal program with a stream.
package main

import (
	"context"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func main() {
	ctx := context.Background()
	c, err := ffc.New(ctx, ffc.Config{EnvSecret: os.Args[1], Transport: &stream.Transport{}})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	println(c.BoolVariation(ctx, "flag", ffc.NewUser("user"), false))
}
