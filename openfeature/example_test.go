package ffcopenfeature_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/memprovider"
	"github.com/open-feature/go-sdk/openfeature/multi"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func quickStart(ctx context.Context, envSecret string) error {
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: envSecret,
		Transport: &stream.Transport{},
		StartWait: -1, // SetProviderWithContextAndWait waits
	})
	if err != nil {
		return err // the configuration is invalid; an outage is not an error
	}
	defer client.Close(context.WithoutCancel(ctx))

	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	if err := openfeature.SetProviderWithContextAndWait(ctx, provider); err != nil {
		slog.Warn("flags return their defaults for now", "error", err)
	}
	defer openfeature.ShutdownWithContext(context.WithoutCancel(ctx)) // delivers the last events

	flags := openfeature.NewClient("shop")
	visitor := openfeature.NewEvaluationContext("u-42", map[string]any{"country": "FR", "plan": "pro"})
	if flags.Boolean(ctx, "new-checkout", false, visitor) {
		fmt.Println("the new way")
	}
	flags.Track(ctx, "purchase", visitor, openfeature.NewTrackingEventDetails(19.90))
	return nil
}

var _ = quickStart // compiled for the README; it needs a network

// The flags of an offline client need no connection: so can tests work.
func ExampleNewProvider() {
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		Offline: true,
		Bootstrap: ffctest.Snapshot(
			ffctest.Flag("checkout").Name("New checkout").Variations("red", "blue").
				Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE")).
				Serve("red")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	if err := openfeature.SetProviderWithContextAndWait(ctx, provider); err != nil {
		fmt.Println(err)
		return
	}
	flags := openfeature.NewClient("shop")

	visitor := openfeature.NewEvaluationContext("u-42", map[string]any{"country": "FR"})
	d, _ := flags.StringValueDetails(ctx, "checkout", "red", visitor)
	fmt.Println(d.Value, d.Variant, d.Reason, d.FlagMetadata["flagName"])

	d, _ = flags.StringValueDetails(ctx, "no-such-flag", "red", visitor)
	fmt.Println(d.Value, d.ErrorCode)
	// Output:
	// blue 2 TARGETING_MATCH New checkout
	// red FLAG_NOT_FOUND
}

func onChange() {
	changed := func(e openfeature.EventDetails) { fmt.Println("changed:", e.FlagChanges) }
	openfeature.AddHandler(openfeature.ProviderConfigChange, &changed)
}

var _ = onChange

// Flags of one provider first, of the other where that has none.
func Example_multiProvider() {
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("new-checkout"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	legacy := memprovider.NewInMemoryProvider(map[string]memprovider.InMemoryFlag{
		"banner": {State: memprovider.Enabled, DefaultVariant: "on", Variants: map[string]any{"on": true}},
	})
	provider, err := multi.NewProvider(multi.StrategyFirstMatch,
		multi.WithProvider("ffc", ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})),
		multi.WithProvider("legacy", legacy))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := openfeature.SetNamedProviderWithContextAndWait(ctx, "moving", provider); err != nil {
		fmt.Println(err)
		return
	}
	flags := openfeature.NewClient("moving")
	visitor := openfeature.NewEvaluationContext("u-42", nil)
	fmt.Println(flags.Boolean(ctx, "new-checkout", false, visitor), flags.Boolean(ctx, "banner", false, visitor))
	// Output: true true
}
