package relay_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// Events of a client go through a queue.
func ExampleForwarder() {
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var queue queuetest.Memory
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &poll.Transport{},
		Events:    flush.Config{Sink: &queue},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client.IsEnabled(ctx, "a", ffc.NewUser("ann"))
	fmt.Println(client.Close(ctx))

	// The process that reaches the platform.
	forwarder := &relay.Forwarder{
		Queue: &queue,
		Destination: func(environment string) (relay.Destination, bool) {
			return relay.Destination{EventsURL: platform.URL, EnvSecret: platform.EnvSecret}, true
		},
	}
	ended := make(chan error)
	go func() { ended <- forwarder.Run(ctx) }()
	events, err := platform.WaitEvents(ctx, 1)
	fmt.Println(len(events), err)
	cancel()
	fmt.Println(<-ended)
	fmt.Println(forwarder.Stats().Forwarded, "event,", len(queue.Batches()), "batches are left")
	// Output:
	// <nil>
	// 1 <nil>
	// context canceled
	// 1 event, 0 batches are left
}

// A function that a queue invokes with batches calls Forward.
func ExampleForwarder_Forward() {
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot())
	defer platform.Close()
	forwarder := &relay.Forwarder{
		Destination: func(environment string) (relay.Destination, bool) {
			return relay.Destination{EventsURL: platform.URL, EnvSecret: platform.EnvSecret}, environment == "known"
		},
	}
	track := "/api/public/insight/track"
	for _, err := range forwarder.Forward(context.Background(), []flush.Batch{
		{Environment: "known", Route: track, Body: []byte(`[{"user":{"keyId":"ann"},"variations":[],"metrics":[]}]`)},
		{Environment: "other", Route: track, Body: []byte(`[{"user":{"keyId":"ann"},"variations":[],"metrics":[]}]`)},
	}) {
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// relay: the environment of the batch is unknown: other
}

// Dead letters are listed without their bodies, sent again, or deleted.
func ExampleDeadLetters() {
	ctx := context.Background()
	dead := &relay.DeadLetters{Backend: new(fleettest.Memory)}
	forwarder := &relay.Forwarder{
		Destination: func(environment string) (relay.Destination, bool) { return relay.Destination{}, true },
		DeadLetters: dead,
		Logger:      slog.New(slog.DiscardHandler),
	}
	fmt.Println(forwarder.Forward(ctx, []flush.Batch{{Environment: "known", Route: "/api/public/insight/track", Body: []byte(`{"user":`)}}))
	letters, err := dead.List(ctx, "known")
	for _, l := range letters {
		fmt.Println(l.Reason)
	}
	fmt.Println(err)
	var queue queuetest.Memory
	fmt.Println(dead.Resend(ctx, &queue, "known"))
	// Output:
	// [<nil>]
	// the body is not a JSON array of items: another program wrote it
	// <nil>
	// 1 <nil>
}
