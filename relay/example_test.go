package relay_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// A publisher and a reader that share a directory. A service calls Run instead of
// Once.
func ExamplePublisher() {
	ctx := context.Background()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("new-checkout")))
	defer platform.Close()
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Logger: slog.New(slog.DiscardHandler)},
		Backend: fleet.Dir{Path: dir},
	}
	if err := publisher.Once(ctx); err != nil {
		fmt.Println(err)
		return
	}
	client, err := ffc.New(ctx, ffc.Config{
		Platform: ffc.PlatformClassic,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{fleet.Dir{Path: dir}},
			Environment: publisher.Status().Environment,
		},
		Events: flush.Config{Disabled: true},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	fmt.Println(client.BoolVariation(ctx, "new-checkout", ffc.NewUser("u-42"), false))
	// Output: true
}
