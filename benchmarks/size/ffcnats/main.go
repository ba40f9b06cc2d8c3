// Command ffcnats is a minimal program that reads from NATS.
package main

import (
	"context"
	"os"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
)

func main() {
	ctx := context.Background()
	engine, err := fleetnats.New(fleetnats.Config{
		Servers:              []string{os.Args[1]},
		Options:              []nats.Option{nats.UserCredentials(os.Args[2])},
		EventuallyConsistent: true,
	})
	if err != nil {
		panic(err)
	}
	defer engine.Close()
	c, err := ffc.New(ctx, ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{engine},
			Environment: os.Args[3],
			Watch:       true,
		},
		Events: flush.Config{Disabled: true},
	})
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	println(c.BoolVariation(ctx, "flag", ffc.NewUser("user"), false))
}
