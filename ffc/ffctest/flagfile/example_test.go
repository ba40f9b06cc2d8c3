package flagfile_test

import (
	"context"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest/flagfile"
)

// An offline client with the flags of a file.
func ExampleRead() {
	ctx := context.Background()
	data, err := flagfile.Read("testdata/flags.json", ffctest.Classic)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: data})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Variation(ctx, "checkout", ffc.NewUser("u1", ffc.Country("FR")), "none"))
	// Output: blue
}
