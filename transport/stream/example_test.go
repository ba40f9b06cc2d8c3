package stream_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// connect is a client of a platform that gets its data like this.
func connect(platform *ffctest.Server, t transport.Transport) *ffc.Client {
	client, err := ffc.New(context.Background(), ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: t,
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	return client
}

// Changes are pushed.
func ExampleTransport() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("banner").Variations("summer", "winter")))
	defer platform.Close()
	ctx := context.Background()
	client := connect(platform, &stream.Transport{})
	defer client.Close(ctx)

	user := ffc.NewUser("u1")
	fmt.Println(client.Variation(ctx, "banner", user, "none"))
	platform.Put(ffctest.Flag("banner").Variations("summer", "winter").Serve("winter"))
	_ = platform.WaitSynced(ctx, client)
	fmt.Println(client.Variation(ctx, "banner", user, "none"))
	// Output:
	// summer
	// winter
}

// A connection for one answer, where nothing can run between requests. Unlike
// the classic platform's polling answer it has segments.
func ExampleTransport_onDemand() {
	platform := ffctest.NewServer(ffctest.Snapshot(
		ffctest.Segment("testers").Include("u1"),
		ffctest.Flag("beta").Rule("true", ffctest.InSegment("testers")).Serve("false")))
	defer platform.Close()
	ctx := context.Background()
	client := connect(platform, &stream.Transport{OnDemand: true, MaxAge: 30 * time.Second})
	defer client.Close(ctx)

	_ = client.Refresh(ctx) // the data is young: does nothing
	fmt.Println(client.IsEnabled(ctx, "beta", ffc.NewUser("u1")), client.Stats().Transport.Connects)
	// Output: true 1
}

// A proxy does not let websockets pass.
func ExampleTransport_fallback() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	platform.RejectUpgrade(403)
	ctx := context.Background()
	client := connect(platform, &stream.Transport{Fallback: &poll.Transport{Interval: 30 * time.Second}})
	defer client.Close(ctx)

	changed := make(chan ffc.Status, 10)
	defer client.OnStatus(func(s ffc.Status) { changed <- s })()
	for !client.Status().Fallback {
		<-changed
	}
	fmt.Println(client.Status().State, client.IsEnabled(ctx, "a", ffc.NewUser("u1")))
	// Output: OK true
}
