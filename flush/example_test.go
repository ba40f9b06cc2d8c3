package flush_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// open is a client of a platform, with this delivery.
func open(platform *ffctest.Server, events flush.Config) *ffc.Client {
	client, err := ffc.New(context.Background(), ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Events:    events,
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	return client
}

// The e-mail address counts in rules and stays in the process.
func ExampleConfig() {
	platform := ffctest.NewServer(ffctest.Snapshot(
		ffctest.Flag("beta").Rule("true", ffctest.Attr("email").EndsWith("@example.com")).Serve("false")))
	defer platform.Close()
	ctx := context.Background()
	client := open(platform, flush.Config{Interval: -1, PrivateAttributes: []string{"email"}})
	defer client.Close(ctx)

	fmt.Println(client.IsEnabled(ctx, "beta", ffc.NewUser("u1", ffc.Email("ann@example.com"), ffc.Country("FR"))))
	_ = client.Flush(ctx)
	for _, e := range platform.Events() {
		fmt.Printf("%s %q %q\n", e.UserKey, e.Email, e.Country)
	}
	// Output:
	// true
	// u1 "" "FR"
}

// What a flush that fails says, and what becomes of its events.
func ExampleError() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx := context.Background()
	client := open(platform, flush.Config{Interval: -1, Retries: -1})
	defer client.Close(ctx)
	platform.FailNext(ffctest.Events, 1, ffctest.Failure{Status: 503})

	client.IsEnabled(ctx, "a", ffc.NewUser("u1"))
	var undelivered *flush.Error
	if err := client.Flush(ctx); errors.As(err, &undelivered) {
		fmt.Println(undelivered.Retained, "event waits,", undelivered.Dropped, "were dropped")
	}
	fmt.Println(client.Flush(ctx))
	// Output:
	// 1 event waits, 0 were dropped
	// <nil>
}

// Each lost event has a reason.
func ExampleDropped() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx := context.Background()
	client := open(platform, flush.Config{Interval: -1, Capacity: 2})
	defer client.Close(ctx)

	for range 5 {
		client.IsEnabled(ctx, "a", ffc.NewUser("u1"))
	}
	fmt.Println(errors.Is(client.Flush(ctx), flush.ErrQueueFull))
	s := client.Stats().Events
	fmt.Println(s.Recorded, s.Delivered, s.Dropped.QueueFull, s.Dropped.Total())
	// Output:
	// true
	// 5 2 3 3
}

// queue is a durable queue, such as one of SQS.
type queue struct{ batches []flush.Batch }

var (
	_ flush.Sink  = (*queue)(nil)
	_ flush.Queue = (*queuetest.Memory)(nil)
)

// Put returns nil when the batch is durable.
func (q *queue) Put(_ context.Context, b flush.Batch) error {
	if len(q.batches) == 10 {
		return flush.ErrFull
	}
	q.batches = append(q.batches, b)
	return nil
}

// Events go to a queue, from which another process delivers them.
func ExampleSink() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx := context.Background()
	var q queue
	client := open(platform, flush.Config{Interval: -1, Sink: &q})
	defer client.Close(ctx)

	client.IsEnabled(ctx, "a", ffc.NewUser("u1"))
	fmt.Println(client.Flush(ctx))
	for _, b := range q.batches {
		fmt.Println(b.Environment, b.Route)
	}
	fmt.Println(client.Stats().Events.Delivered, "event,", len(platform.Events()), "on the platform")
	// Output:
	// <nil>
	// FF__11__22__33 /api/public/track
	// 1 event, 0 on the platform
}

// How many batches wait, of a queue that reports it.
func ExampleQueueSizer() {
	ctx := context.Background()
	var queue flush.Queue = new(queuetest.Memory)
	_ = queue.Put(ctx, flush.Batch{Environment: "production", Body: []byte("[]")})
	if sizer, ok := queue.(flush.QueueSizer); ok {
		sizes, err := sizer.Size(ctx)
		if err != nil {
			panic(err)
		}
		for _, s := range sizes {
			fmt.Println(s.Environment, s.Batches, "batch,", s.Bytes, "bytes")
		}
	}
	// Output: production 1 batch, 2 bytes
}
