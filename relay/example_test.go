package relay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

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

// A service. Any number of replicas may run.
func ExamplePublisher_Run() {
	main := func(engine fleet.Backend) error {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		publisher := &relay.Publisher{
			Config:  ffc.Config{EnvSecret: os.Getenv("FFC_ENV_SECRET")},
			Backend: engine,
		}
		err := publisher.Run(ctx)
		if ctx.Err() == nil {
			return err // the configuration is invalid
		}
		return nil // SIGTERM: another replica takes over
	}
	_ = main // does not return
}

// A scheduled function or a job of CI.
func ExamplePublisher_Once() {
	publish := func(ctx context.Context, envSecret string, engine fleet.Backend) error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		publisher := &relay.Publisher{
			Config:  ffc.Config{EnvSecret: envSecret},
			Backend: engine,
			Beat:    5 * time.Minute, // the time between two calls
		}
		return publisher.Once(ctx)
	}
	_ = publish // needs a platform
}

// What to monitor.
func ExamplePublisher_Status() {
	publisher := &relay.Publisher{Backend: fleet.Dir{Path: "/srv/flags"}}
	s := publisher.Status()
	fmt.Println(s.Leader, s.Blind, s.Held, s.Err)
	for _, mirror := range s.Mirrors {
		if !mirror.Behind.IsZero() {
			fmt.Println(mirror.Name, "is behind since", mirror.Behind, "because of", mirror.Err)
		}
	}
	// Output: false false 0 <nil>
}

// A bad flag is undone while the platform is down.
func ExampleEnvironment() {
	ctx := context.Background()
	undo := func(engine fleet.Backend) error {
		environment := &relay.Environment{Name: "6f9619ff-8b86-d011-b42d-00cf4fc964ff", Backend: engine}
		log, err := environment.Log(ctx, 2)
		if err != nil {
			return err
		}
		for _, r := range log {
			fmt.Println(r.Revision, r.Current, r.Flags)
		}
		pin := relay.Pin{By: "ann", Reason: "wrong price", Until: time.Now().Add(time.Hour)}
		_, err = environment.Rollback(ctx, log[1].Revision, pin)
		return err
	}
	err := undo(fleet.Dir{Path: "/no/such/directory"})
	fmt.Println(errors.Is(err, relay.ErrNotPublished))
	// Output: true
}

// The file of keys of a relay has the hash of a key, the environment, a name and,
// if the key ends, until when.
func ExampleNewKey() {
	key, line, err := relay.NewKey(ffc.PlatformFeatBit, "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "checkout", time.Time{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(key), strings.HasSuffix(line, " 6f9619ff-8b86-d011-b42d-00cf4fc964ff checkout"))
	// Output: 44 true
}
