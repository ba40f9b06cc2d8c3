package ffc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// localClient is an offline client with these flags.
func localClient(items ...ffctest.Item) *ffc.Client {
	client, err := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(items...)})
	if err != nil {
		panic(err)
	}
	return client
}

// Numbers: a fraction is cut off for an int.
func ExampleClient_IntVariation() {
	ctx := context.Background()
	client := localClient(ffctest.Flag("timeout").Variations("2.5", "10"))
	user := ffc.NewUser("u1")
	fmt.Println(client.IntVariation(ctx, "timeout", user, 0), client.FloatVariation(ctx, "timeout", user, 0))
	// Output: 2 2.5
}

// Details say why, and have the error that goes with the reason.
func ExampleClient_BoolVariationDetail() {
	ctx := context.Background()
	client := localClient(ffctest.Flag("timeout").Name("Timeout").Variations("2.5", "10"))
	user := ffc.NewUser("u1")

	b := client.BoolVariationDetail(ctx, "timeout", user, true)
	fmt.Println(b.Value, b.Reason, errors.Is(b.Err, ffc.ErrWrongType))

	i := client.IntVariationDetail(ctx, "no-such-flag", user, 7)
	fmt.Println(i.Value, i.Reason, errors.Is(i.Err, ffc.ErrFlagNotFound))

	f := client.FloatVariationDetail(ctx, "timeout", ffc.User{}, 0.5)
	fmt.Println(f.Value, f.Reason, errors.Is(f.Err, ffc.ErrUserNotSpecified))

	f = client.FloatVariationDetail(ctx, "timeout", user, 0.5)
	fmt.Println(f.Value, f.Reason, f.VariationID, f.FlagName, f.Err)
	// Output:
	// true wrong type true
	// 7 flag not found true
	// 0.5 user not specified true
	// 2.5 fall through all rules 1 Timeout <nil>
}

func ExampleClient_FlagKnown() {
	client := localClient(ffctest.Flag("a"))
	fmt.Println(client.FlagKnown("a"), client.FlagKnown("b"))
	// Output: true false
}

// Metrics of one moment go together; those that are unusable are left out.
func ExampleClient_TrackMetrics() {
	platform := ffctest.NewServer(nil)
	defer platform.Close()
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &stream.Transport{}, Logger: slog.New(slog.DiscardHandler)})
	defer client.Close(ctx)

	user := ffc.NewUser("u1")
	_ = client.Track(ctx, user, "sign-up") // the value is 1
	err := client.TrackMetrics(ctx, user, map[string]float64{"basket": 3, "discount": -1})
	fmt.Println(err)

	_ = client.Flush(ctx)
	for _, e := range platform.Events() {
		fmt.Println(e.Metric, e.MetricValue)
	}
	// Output:
	// ffc: metric "discount" has the value -1: expected a number above 0 that fits in 32 bits
	// sign-up 1
	// basket 3
}

// A unit of work without HTTP, such as a message from a queue: data is brought
// up to date before, events leave after.
func ExampleClient_Refresh() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("new-parser")))
	defer platform.Close()
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &poll.Transport{}, Logger: slog.New(slog.DiscardHandler)})
	defer client.Close(ctx)

	handle := func(ctx context.Context, message string) {
		_ = client.Refresh(ctx) // Status reports the error; the client serves cached data
		if client.IsEnabled(ctx, "new-parser", ffc.NewUser(message)) {
			fmt.Println("parsed anew:", message)
		}
		delivery, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := client.ForceFlush(delivery); err != nil {
			fmt.Println(err) // events that can be tried again stay queued
		}
	}
	handle(ctx, "m-1")
	fmt.Println(len(platform.Events()), "event arrived")
	// Output:
	// parsed anew: m-1
	// 1 event arrived
}

// ready waits for the first data. The README shows it.
func ready(ctx context.Context, client *ffc.Client) error {
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := client.WaitReady(waiting); err != nil {
		return err // the platform rejected the secret, or the deadline has passed
	}
	return nil
}

// New does not have to wait: do it where it suits.
func ExampleClient_WaitReady() {
	platform := ffctest.NewServer(nil)
	defer platform.Close()
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		StartWait: -1,
		Logger:    slog.New(slog.DiscardHandler),
	})
	defer client.Close(ctx)

	fmt.Println(ready(ctx, client), client.Initialized())
	// Output: <nil> true
}

// What a readiness probe or a dashboard can show.
func ExampleClient_Status() {
	client := localClient()
	s := client.Status()
	fmt.Println(s.State, s.Err, s.DataVersion, s.Fallback)
	_ = client.Close(context.Background())
	s = client.Status()
	fmt.Println(s.State, s.Err)
	// Output:
	// OK <nil> 0 false
	// OFF ffc: the client is closed
}

// A client in a log line shows what it serves.
func ExampleClient_LogValue() {
	client := localClient(ffctest.Flag("a").Version(1700000000000))
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // the time differs from run to run
			}
			return a
		},
	}))
	log.Info("request handled", "flags", client)
	// Output: level=INFO msg="request handled" flags.state=OK flags.version=1700000000000
}

func ExampleClient_OnStatus() {
	client := localClient()
	states := make(chan ffc.State, 1)
	stop := client.OnStatus(func(s ffc.Status) { states <- s.State })
	defer stop()
	_ = client.Close(context.Background())
	fmt.Println(<-states)
	// Output: OFF
}

// Counts for a metrics library: read them when it asks.
func ExampleClient_Stats() {
	ctx := context.Background()
	client := localClient(ffctest.Flag("a"))
	client.IsEnabled(ctx, "a", ffc.NewUser("u1"))
	client.IsEnabled(ctx, "no-such-flag", ffc.NewUser("u1"))

	s := client.Stats()
	fmt.Println(s.Evaluations, s.Fallbacks)
	fmt.Println(s.Events.Recorded == s.Events.Delivered+s.Events.Queued+s.Events.Dropped.Total()+s.Events.Deduplicated)
	// Output:
	// 2 1
	// true
}

// Close gets its own time: the context of a program that ends has been
// cancelled.
func ExampleClient_Close() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx, cancel := context.WithCancel(context.Background())
	client, _ := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Events:    flush.Config{Interval: -1},
		Logger:    slog.New(slog.DiscardHandler),
	})
	client.IsEnabled(ctx, "a", ffc.NewUser("u1"))
	cancel() // as signal.NotifyContext does on SIGTERM

	closing, done := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer done()
	fmt.Println(client.Close(closing), len(platform.Events()))
	fmt.Println(client.VariationDetail(ctx, "a", ffc.NewUser("u1"), "fallback").Reason)
	// Output:
	// <nil> 1
	// client not ready
}

// flusher is what OpenTelemetry's wrapper for AWS Lambda looks for.
type flusher interface {
	ForceFlush(context.Context) error
}

func ExampleClient_ForceFlush() {
	var f flusher = localClient()
	fmt.Println(f.ForceFlush(context.Background()))
	// Output: <nil>
}

// A hook sees every evaluation with the context of the call, for tracing.
func ExampleConfig() {
	client, _ := ffc.New(context.Background(), ffc.Config{
		Offline:   true,
		Bootstrap: ffctest.Snapshot(ffctest.Flag("a")),
		OnEvaluation: func(ctx context.Context, e ffc.Evaluation) {
			fmt.Println(e.FlagKey, e.User.Key(), e.Value, e.Reason)
		},
	})
	client.Variation(context.Background(), "a", ffc.NewUser("u1"), "")
	// Output: a u1 true fall through all rules
}

func ExampleFlags() {
	ctx := context.Background()
	flags := localClient(ffctest.Flag("a"), ffctest.Flag("b").Off()).For(ffc.NewUser("u1"))
	fmt.Println(flags.Bool(ctx, "a", false), flags.IsEnabled(ctx, "b"), flags.StringDetail(ctx, "b", "").Reason)
	// Output: true false flag off
}

// For a front end: all flags in the form of the platform's other SDKs.
func ExampleAllFlags() {
	all := localClient(ffctest.Flag("a").Name("A")).AllVariations(context.Background(), ffc.NewUser("u1"))
	text, _ := all.MarshalJSON()
	fmt.Println(string(text))
	// Output: {"success":true,"message":"OK","data":[{"id":1,"reason":"fall through all rules","variation":"true","keyName":"a","name":"A"}]}
}
