// Command fleet shows how a fleet gets its flags without a way to the platform,
// on one machine, without a network or an account: a platform in this process, a
// publisher that writes the flags to a directory, and a reader that has neither
// the platform's address nor a secret. A flag is changed, and then the platform
// is down for a while.
//
// On AWS Lambda the program is a function that reads the directory FFC_DIR: see
// function.go. With FFC_ENV_SECRET it is the publisher, which a schedule invokes: see
// scheduled.go.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		if os.Getenv("FFC_ENV_SECRET") != "" {
			scheduled()
		} else {
			function()
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		slog.Error("fleet failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	checkout := ffctest.Flag("checkout").Variations("three-steps", "one-page")
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(checkout.Serve("three-steps")))
	defer platform.Close()

	// The publisher is the only part with the secret. Once is what a scheduled
	// function or a job of CI calls, Run what a service calls.
	publisher := newPublisher(platform, dir)
	if err := publisher.Once(ctx); err != nil {
		return err
	}
	environment := publisher.Status().Environment
	fmt.Fprintf(out, "published environment %s to %s\n", environment, dir)
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = publisher.Run(running) // returns the error of running
	}()
	defer func() {
		stop()
		<-ended
	}()

	// A reader, of which there may be thousands.
	client, err := ffc.New(ctx, ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{fleet.Dir{Path: dir}},
			Environment: environment,
			Watch:       true,
			Spread:      -1,              // a single reader may read at once
			StaleAfter:  3 * time.Second, // 2 min by default
		},
		Events: flush.Config{Disabled: true},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))
	states := make(chan ffc.State, 16)
	defer client.OnStatus(func(s ffc.Status) { states <- s.State })()
	changes := make(chan struct{}, 16)
	defer client.OnChange(func([]string) { changes <- struct{}{} })()
	ann := ffc.NewUser("ann")
	report := func(what string) {
		s := client.Status()
		fmt.Fprintf(out, "%s: ann gets checkout=%s; status %s; confirmed by the platform %v ago\n",
			what, client.Variation(ctx, "checkout", ann, "none"), s.State, s.DataAge.Round(time.Millisecond))
	}
	report("at first")

	platform.Put(checkout.Serve("one-page"))
	if err := wait(ctx, changes); err != nil {
		return err
	}
	report("after a change")

	// The platform is down: the publisher goes on beating, but nothing confirms the
	// data, and the reader says so.
	platform.RejectUpgrade(503)
	platform.DropConnections()
	down := time.Now()
	if err := waitFor(ctx, states, ffc.StateInterrupted); err != nil {
		return err
	}
	report(fmt.Sprintf("the platform is down for %v", time.Since(down).Round(time.Millisecond)))
	fmt.Fprintf(out, "  %v\n", client.Status().Err)

	platform.RejectUpgrade(0)
	if err := waitFor(ctx, states, ffc.StateOK); err != nil {
		return err
	}
	report("the platform is back")
	return nil
}

// newPublisher returns a publisher that is quicker than one with the defaults.
func newPublisher(platform *ffctest.Server, dir string) *relay.Publisher {
	return &relay.Publisher{
		Config: ffc.Config{
			EnvSecret: platform.EnvSecret,
			BaseURL:   platform.URL,
			Transport: &stream.Transport{
				Resync:     500 * time.Millisecond, // 30 s by default
				FirstRetry: 100 * time.Millisecond,
			},
			Logger: slog.New(slog.DiscardHandler),
		},
		Backend: fleet.Dir{Path: dir},
		Beat:    250 * time.Millisecond, // 5 s by default
	}
}

func wait(ctx context.Context, changes <-chan struct{}) error {
	select {
	case <-changes:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func waitFor(ctx context.Context, states <-chan ffc.State, want ffc.State) error {
	for {
		select {
		case state := <-states:
			if state == want {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
