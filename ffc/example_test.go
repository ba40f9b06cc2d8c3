package ffc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func ExampleNew() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("checkout").Variations("red", "blue").Target("blue", "u1")))
	defer platform.Close()

	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	d := client.VariationDetail(ctx, "checkout", ffc.NewUser("u1"), "red")
	fmt.Println(d.Value, "because of", d.Reason)
	// Output: blue because of target match
}

// On demand: nothing runs between requests.
func ExampleClient_Middleware() {
	start := func(ctx context.Context, envSecret string, snapshot []byte, mux *http.ServeMux) error {
		client, err := ffc.New(ctx, ffc.Config{
			EnvSecret: envSecret,
			Transport: &poll.Transport{MaxAge: time.Minute},
			Bootstrap: snapshot, // serves until the platform has answered
		})
		if err != nil {
			return err
		}
		server := http.Server{Addr: ":8080", Handler: client.Middleware(mux)}
		return server.ListenAndServe()
	}
	fmt.Println(start(context.Background(), "not a secret", nil, http.NewServeMux()))
	// Output:
	// ffc: Config.EnvSecret: the secret fits no platform (if it is right, set the platform): FeatBit's secrets have 44 characters; for featureflag.co, the secret is not standard Base64: is it complete, and is it the secret of a server-side SDK?
}

func ExampleConfigError() {
	_, err := ffc.New(context.Background(), ffc.Config{Offline: true, BaseURL: "localhost:5100"})
	var invalid *ffc.ConfigError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Field)
		fmt.Println(invalid.Err)
	}
	// Output:
	// BaseURL
	// invalid URL "localhost:5100": expected http://host[/prefix] or https://host[/prefix]
}

func ExampleNew_offline() {
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		Offline: true,
		Bootstrap: ffctest.Snapshot(
			ffctest.Flag("checkout").Variations("red", "blue").
				Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE")).
				Serve("red")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Variation(ctx, "checkout", ffc.NewUser("u1", ffc.Country("FR")), ""))
	fmt.Println(client.Variation(ctx, "checkout", ffc.NewUser("u2", ffc.Country("NZ")), ""))
	// Output:
	// blue
	// red
}

func ExampleClient_For() {
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(
		ffctest.Flag("discount").Variations("10", "2.5"), ffctest.Flag("dark-mode"))})

	// All answers of one request come from the same version of the data.
	flags := client.For(ffc.NewUser("u1"))
	fmt.Println(flags.Float(ctx, "discount", 0), flags.Bool(ctx, "dark-mode", false))
	// Output: 10 true
}

func ExampleClient_JSONVariation() {
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(
		ffctest.Flag("limits").Variations(`{"uploads": 20}`, `{}`))})

	limits := struct{ Uploads, Downloads int }{Uploads: 5, Downloads: 100}
	err := client.JSONVariation(ctx, "limits", ffc.NewUser("u1"), &limits)
	fmt.Println(limits.Uploads, limits.Downloads, err)
	// Output: 20 100 <nil>
}

func ExampleParseDetail() {
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(
		ffctest.Flag("timeout").Variations("750ms", "2s"))})

	timeout := ffc.ParseDetail(ctx, client.For(ffc.NewUser("u1")), "timeout", time.Second, time.ParseDuration)
	fmt.Println(timeout.Value, timeout.Err)
	// Output: 750ms <nil>
}

func ExampleClient_AllVariations() {
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(
		ffctest.Flag("a").Off(), ffctest.Flag("b"))})

	all := client.AllVariations(ctx, ffc.NewUser("u1"))
	for _, key := range all.Keys() {
		d, _ := all.Get(key)
		fmt.Println(key, d.Value, d.Reason)
	}
	// Output:
	// a false flag off
	// b true fall through all rules
}

func ExampleClient_Flush() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Events:    flush.Config{Interval: -1}, // on Flush and Close only
		Logger:    slog.New(slog.DiscardHandler),
	})
	defer client.Close(ctx)

	client.BoolVariation(ctx, "a", ffc.NewUser("u1"), false)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := client.Flush(ctx); err != nil {
		var undelivered *flush.Error
		if errors.As(err, &undelivered) {
			fmt.Println(undelivered.Retained, "events wait for the next flush")
		}
	}
	fmt.Println(len(platform.Events()), "event arrived")
	// Output: 1 event arrived
}

func ExampleClient_WriteSnapshot() {
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: []byte(`{"eventType":"full","featureFlags":[],"segments":[]}`)})
	_ = client.WriteSnapshot(os.Stdout)
	// Output: {"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[],"userTags":[]}}
}

func ExampleClient_OnChange() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a"), ffctest.Flag("b")))
	defer platform.Close()
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &stream.Transport{}, Logger: slog.New(slog.DiscardHandler)})
	defer client.Close(ctx)

	changed := make(chan []string)
	stop := client.OnChange(func(keys []string) { changed <- keys })
	platform.Put(ffctest.Flag("b").Off())
	fmt.Println(<-changed)
	stop()
	// Output: [b]
}

func ExampleNewUser() {
	user := ffc.NewUser("u-42",
		ffc.Name("Ann"), ffc.Email("ann@example.com"), ffc.Country("FR"),
		ffc.String("plan", "pro"), ffc.Int("age", 34), ffc.Float("score", 0.75), ffc.Bool("beta", true))
	fmt.Println(user.Key())
	// Output: u-42
}

func ExampleInvalid() {
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{Offline: true, QuietFallbacks: true, Bootstrap: ffctest.Snapshot(
		ffctest.Flag("for-everyone"),
		ffctest.Flag("for-admins").Rule("true", ffctest.Attr("roles").Contains("admin")).Serve("false"))})

	user := ffc.NewUser("u-42", ffc.Invalid("roles")) // a list
	fmt.Println(client.BoolVariation(ctx, "for-everyone", user, false))
	fmt.Println(client.BoolVariationDetail(ctx, "for-admins", user, false).Err)
	// Output:
	// true
	// ffc: the flag cannot be evaluated: it needs an attribute of the user that is invalid (Client.Explain shows which)
}

func ExampleUserFromMap() {
	user, err := ffc.UserFromMap(map[string]any{"key": "u-42", "country": "FR", "age": 34})
	fmt.Println(user.Key(), err)
	_, err = ffc.UserFromMap(map[string]any{"name": "Ann"})
	fmt.Println(err)
	// Output:
	// u-42 <nil>
	// ffc: invalid user: "key" is missing
}

func ExampleDefault() {
	ctx := context.Background()
	ffc.SetDefault(ffc.Config{Offline: true, Fallbacks: map[string]string{"banner": "on"}})

	client, err := ffc.Default(ctx) // the same for the whole process
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.IsEnabled(ctx, "banner", ffc.NewUser("u1")))
	// Output: true
}

func Example_service() {
	fmt.Println(shop(context.Background(), "not a secret"))
	// Output:
	// ffc: Config.EnvSecret: the secret fits no platform (if it is right, set the platform): FeatBit's secrets have 44 characters; for featureflag.co, the secret is not standard Base64: is it complete, and is it the secret of a server-side SDK?
}

func ExampleNew_featBit() {
	_, err := onFeatBit(context.Background(), "not a key")
	fmt.Println(err)
	// Output:
	// ffc: Config.EnvSecret: the secret fits no platform (if it is right, set the platform): FeatBit's secrets have 44 characters; for featureflag.co, the secret is not standard Base64: is it complete, and is it the secret of a server-side SDK?
}
