// Command shop reads flags in every way that ffcvet knows. It is never run.
package main

import (
	"context"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/open-feature/go-sdk/openfeature"

	"shop.example/flags"
	"shop.example/toggles"
)

const checkout = "checkout"

func main() {
	ctx := context.Background()
	client, err := ffc.Default(ctx)
	if err != nil {
		panic(err)
	}
	user := ffc.NewUser("ann")
	fmt.Println(client.BoolVariation(ctx, checkout, user, false))
	fmt.Println(client.For(user).String(ctx, "chekout-text", "buy"))

	features := toggles.New(client, user)
	fmt.Println(features.On(ctx, "winter-banner"))
	fmt.Println(features.Limit(ctx, fmt.Sprintf("limit-%d", 3)))

	fmt.Println(flags.NewSearch.Value(ctx, openfeature.EvaluationContext{}))
	of := openfeature.NewDefaultClient()
	fmt.Println(of.IntValueDetails(ctx, "page-size", 10, openfeature.EvaluationContext{}))
}
