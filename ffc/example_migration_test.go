package ffc_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// What the guides for those who come from other SDKs show. It needs a network, so
// it is only compiled, but for the examples at the end.

func fromPythonShared(ctx context.Context, envSecret string) error {
	ffc.SetDefault(ffc.Config{EnvSecret: envSecret, Transport: &stream.Transport{}})
	client, err := ffc.Default(ctx)
	if err != nil {
		return err
	}
	if client.Initialized() {
		user, err := ffc.UserFromMap(map[string]any{"key": "u-42", "name": "Ann", "age": 34})
		if err != nil {
			return err
		}
		color := client.Variation(ctx, "button", user, "red")
		fmt.Println(color)
	}
	return nil
}

func fromPythonOwn(ctx context.Context, envSecret string) error {
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: envSecret,
		Transport: &stream.Transport{},
		StartWait: -1,
		Fallbacks: map[string]string{"button": "red"},
	})
	if err != nil {
		return err // the configuration
	}
	defer client.Close(context.WithoutCancel(ctx))
	if err := client.WaitReady(ctx); err != nil {
		return err
	}
	return nil
}

func fromPythonMetrics(ctx context.Context, client *ffc.Client, user ffc.User) error {
	if err := client.Track(ctx, user, "sign-up"); err != nil {
		return err // an argument is unusable; nothing is sent here
	}
	if err := client.TrackMetrics(ctx, user, map[string]float64{"basket": 3, "total": 59.9}); err != nil {
		return err
	}
	return client.Flush(ctx) // waits until the platform has them
}

func fromGo(ctx context.Context, envSecret string) error {
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: envSecret,
		Transport: &stream.Transport{},
	})
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))

	user := ffc.NewUser("u-42", ffc.Name("Ann"), ffc.Country("FR"), ffc.String("plan", "pro"))
	fmt.Println(client.Variation(ctx, "button", user, "red"))
	return nil
}

// differences lists the flags that answer differently on two platforms.
func differences(ctx context.Context, classic, featbit *ffc.Client, users []ffc.User, w io.Writer) {
	for _, user := range users {
		before, after := classic.For(user), featbit.For(user)
		for _, key := range classic.AllVariations(ctx, user).Keys() {
			b, a := before.StringDetail(ctx, key, ""), after.StringDetail(ctx, key, "")
			if b.Value != a.Value {
				fmt.Fprintf(w, "%s for %s: %q (%s) becomes %q (%s)\n", key, user.Key(), b.Value, b.Reason, a.Value, a.Reason)
			}
		}
	}
}

var _ = []any{fromPythonShared, fromPythonOwn, fromPythonMetrics, fromGo}

// Offline, from a file that the platform's other SDKs take as well.
func ExampleNew_bootstrap() {
	ctx := context.Background()
	fromFile := ffctest.Snapshot(ffctest.Flag("button").Variations("red", "blue"))

	client, err := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: fromFile})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Variation(ctx, "button", ffc.NewUser("u-42"), "none"))
	// Output: red
}

// What changes for users when a flag moves to FeatBit.
func ExampleClient_AllVariations_differences() {
	flag := ffctest.Flag("button").Variations("red", "blue").Rollout(50, 50)
	classic, _ := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(flag)})
	featbit, _ := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.FeatBit.Snapshot(flag)})
	users := []ffc.User{ffc.NewUser("u1"), ffc.NewUser("u2"), ffc.NewUser("u3"), ffc.NewUser("u4")}

	differences(context.Background(), classic, featbit, users, os.Stdout)
	// Output:
	// button for u2: "red" (fall through all rules) becomes "blue" (fall through all rules)
	// button for u3: "blue" (fall through all rules) becomes "red" (fall through all rules)
}
