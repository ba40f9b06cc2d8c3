// Command typed evaluates flags with functions that the OpenFeature CLI has generated
// from a template: the compiler finds wrong keys and types, and the program needs
// nothing of OpenFeature. It needs no network.
//
//	go generate ./examples/typed
//	go run ./examples/typed
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/examples/typed/flags"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest/flagfile"
)

// The first line describes the flags, the second one generates package flags.
//
//go:generate go -C ../.. run ./cmd/ffc manifest -file examples/typed/flags.json -o examples/typed/manifest.json
//go:generate go -C ../../openfeature/conformance tool openfeature generate go --no-input -m ../../examples/typed/manifest.json -t ../../examples/typed/accessors.tmpl -o ../../examples/typed/flags --package-name flags

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
	visitor := client.For(ffc.NewUser("u-42", ffc.Country("FR")))

	if flags.NewCheckout(ctx, visitor) { // a bool
		fmt.Fprintln(out, "the new checkout")
	}
	price := 80 * (1 - flags.Discount(ctx, visitor)/100) // a float64
	fmt.Fprintf(out, "%s %d products a page, the first one for %.2f\n", flags.Banner(ctx, visitor), flags.PageSize(ctx, visitor), price)
	var limits struct {
		Megabytes int
		Formats   []string
	}
	err = flags.UploadLimits(ctx, visitor, &limits)
	fmt.Fprintln(out, limits, err)
	return nil
}
