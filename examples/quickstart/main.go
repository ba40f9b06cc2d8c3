// Command quickstart shows all parts on one machine, without a network or an
// account: a platform in this process, a client connected to it by websocket, flags
// that are evaluated and changed while the program runs, and events that are
// delivered. With "-platform featbit" the platform is FeatBit; nothing else changes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func main() {
	platform := flag.String("platform", "classic", "the platform: classic or featbit")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, *platform); err != nil {
		slog.Error("quickstart failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string) error {
	platform, err := ffctest.ParsePlatform(name)
	if err != nil {
		return err
	}

	// The platform. In production this is https://api.featureflag.co, or the
	// evaluation server of your FeatBit.
	checkout := ffctest.Flag("checkout").Name("New checkout").
		Variations("three-steps", "one-page").
		Target("one-page", "ann").
		Rule("one-page", ffctest.Attr("country").IsOneOf("FR", "BE"), ffctest.Attr("age").AtLeast("18")).
		Serve("three-steps")
	discount := ffctest.Flag("discount").Variations("0", "10").Rollout(50, 50)
	server := platform.NewServer(platform.Snapshot(checkout, discount))
	defer server.Close()

	// The client: one for the process, shared by all code in it. It detects the
	// platform from the secret.
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: server.EnvSecret,
		BaseURL:   server.URL,
		Transport: &stream.Transport{},
	})
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx)) // delivers events even if ctx has ended
	status := client.Status()
	fmt.Printf("connected to the platform at %s: status %s, data version %d\n\n", server.URL, status.State, status.DataVersion)

	// Evaluation is local: it sends no request.
	users := []ffc.User{
		ffc.NewUser("ann"),
		ffc.NewUser("bob", ffc.Country("FR"), ffc.Int("age", 34)),
		ffc.NewUser("eve", ffc.Country("NZ")),
	}
	for _, user := range users {
		d := client.VariationDetail(ctx, "checkout", user, "three-steps")
		percent := client.IntVariation(ctx, "discount", user, 0)
		fmt.Printf("%s: checkout=%s (%s), discount=%d %%\n", user.Key(), d.Value, d.Reason, percent)
	}
	missing := client.VariationDetail(ctx, "no-such-flag", users[0], "fallback")
	fmt.Printf("%s: no-such-flag=%s (%s)\n\n", users[0].Key(), missing.Value, missing.Reason)

	// A flag changes on the platform; the running client receives the change.
	changed := make(chan []string, 1)
	stop := client.OnChange(func(keys []string) { changed <- keys })
	defer stop()
	since := time.Now()
	server.Put(checkout.Serve("one-page"))
	select {
	case keys := <-changed:
		fmt.Printf("%v changed on the platform; %v later eve gets checkout=%s\n\n",
			keys, time.Since(since).Round(10*time.Microsecond), client.Variation(ctx, "checkout", users[2], "three-steps"))
	case <-ctx.Done():
		return ctx.Err()
	}

	// A metric, which an experiment counts besides evaluations.
	if err := client.TrackMetric(ctx, users[2], "purchase", 19.9); err != nil {
		return err
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	events, err := server.WaitEvents(ctx, 8)
	if err != nil {
		return err
	}
	fmt.Printf("the platform received %d events:\n", len(events))
	for _, e := range events {
		if e.Metric != "" {
			fmt.Printf("  %s: metric %s = %v\n", e.UserKey, e.Metric, e.MetricValue)
		} else {
			fmt.Printf("  %s: %s = %s\n", e.UserKey, e.FlagKey, e.Value)
		}
	}
	return nil
}
