// Command batch is a job that runs once: it fetches the flags, works, delivers its
// events and ends. Its exit code is 0 only if the work is done and all events have
// been delivered.
//
// It reads FFC_ENV_SECRET and FFC_BASE_URL. Without a secret it is a demonstration
// with a platform in its own process.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

const (
	customers = 250
	closeTime = 30 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("job failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg := ffc.Config{
		EnvSecret: os.Getenv("FFC_ENV_SECRET"),
		BaseURL:   os.Getenv("FFC_BASE_URL"),
		Transport: &stream.Transport{OnDemand: true}, // no connection stays open
		StartWait: 10 * time.Second,
	}
	if cfg.EnvSecret != "" {
		return job(ctx, cfg)
	}
	fmt.Println("FFC_ENV_SECRET is not set: this is a demonstration with a platform in this process.")
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("reminder").Variations("short", "long").Rollout(50, 50)))
	defer platform.Close()
	cfg.EnvSecret, cfg.BaseURL = platform.EnvSecret, platform.URL
	err := job(ctx, cfg)
	fmt.Printf("The platform has received %d events.\n", len(platform.Events()))
	return err
}

func job(ctx context.Context, cfg ffc.Config) (err error) {
	client, err := ffc.New(ctx, cfg)
	if err != nil {
		return err
	}
	// The job runs only once: events that Close cannot deliver are lost, and Close
	// returns an error. Close has closeTime even if ctx has been cancelled.
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		err = errors.Join(err, client.Close(closing))
	}()
	if !client.Initialized() {
		fmt.Println("There are no flags; all reminders are short.")
	}
	sent := make(map[string]int)
	for i := range customers {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped after %d of %d customers: %w", i, customers, context.Cause(ctx))
		}
		customer := ffc.NewUser(fmt.Sprintf("customer-%03d", i))
		text := client.Variation(ctx, "reminder", customer, "short")
		sent[text]++ // here it would be sent
		if err := client.Track(ctx, customer, "reminded"); err != nil {
			return err
		}
		if i%100 == 99 {
			// A long job should deliver regularly. If a delivery fails, its events stay
			// queued.
			if err := client.Flush(ctx); err != nil {
				slog.Warn("events wait for the next delivery", "error", err)
			}
		}
	}
	fmt.Printf("%d customers got a short reminder, %d a long one.\n", sent["short"], sent["long"])
	return nil
}
