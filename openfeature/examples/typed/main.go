// Command typed evaluates flags with accessors that the OpenFeature CLI has generated:
// the compiler finds wrong keys and types. It needs no network.
//
//	go generate ./typed
//	go run ./typed
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest/flagfile"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/openfeature/examples/typed/flags"

	_ "embed"
)

// The first line describes the flags, the second one generates package flags.
//
//go:generate go -C ../../.. run ./cmd/ffc manifest -file openfeature/examples/typed/flags.json -o openfeature/examples/typed/manifest.json
//go:generate go -C ../../conformance tool openfeature generate go --no-input -m ../examples/typed/manifest.json -o ../examples/typed/flags --package-name flags

//go:embed flags.json
var flagFile []byte

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	data, err := flagfile.Parse("flags.json", flagFile, ffctest.Classic)
	if err != nil {
		return err
	}
	client, err := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: data})
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	if err := openfeature.SetProviderWithContextAndWait(ctx, ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})); err != nil {
		return err
	}
	visitor := openfeature.NewEvaluationContext("u-42", map[string]any{"country": "FR"})

	if flags.NewCheckout.Value(ctx, visitor) { // a bool
		fmt.Fprintln(out, "the new checkout")
	}
	price := 80 * (1 - flags.Discount.Value(ctx, visitor)/100) // a float64
	fmt.Fprintf(out, "%s %d products a page, the first one for %.2f\n", flags.Banner.Value(ctx, visitor), flags.PageSize.Value(ctx, visitor), price)
	limits, err := flags.UploadLimits.ValueWithDetails(ctx, visitor)
	fmt.Fprintln(out, flags.UploadLimits, limits.Value, limits.Reason, err)
	return nil
}
