package relay_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// A relay for one environment. An SDK connects to it with a key instead of the
// environment secret.
func ExampleHandler() {
	ctx := context.Background()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("new-checkout")))
	defer platform.Close()
	reader, err := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close(ctx)

	const environment = "FF__11__22__33"
	key, line, err := relay.NewKey(ffc.PlatformClassic, environment, "functions", time.Time{})
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := relay.ParseKeys([]byte(line))
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := &relay.Handler{
		Reader: func(name string) (*ffc.Client, bool) { return reader, name == environment },
		Keys:   keys.Environment,
		Logger: slog.New(slog.DiscardHandler),
	}
	defer handler.Close()
	server := httptest.NewServer(handler)
	defer server.Close()

	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: key,
		BaseURL:   server.URL,
		Transport: &poll.Transport{},
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	fmt.Println(client.BoolVariation(ctx, "new-checkout", ffc.NewUser("u-42"), false))
	// Output: true
}

// A client of a relay.
func ExampleKeys() {
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: os.Getenv("RELAY_KEY"), // a key in place of the environment secret
		Platform:  ffc.PlatformFeatBit,
		BaseURL:   "http://relay.example.com:8031",
		Transport: &stream.Transport{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
}
