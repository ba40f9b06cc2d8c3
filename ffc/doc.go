// Package ffc evaluates feature flags of featureflag.co, and of its successor
// FeatBit, in the process that needs them.
//
//	client, err := ffc.New(ctx, ffc.Config{
//		EnvSecret: secret,
//		Transport: &stream.Transport{},
//	})
//	if err != nil {
//		return err // the configuration is invalid; an outage is not an error
//	}
//	defer client.Close(context.WithoutCancel(ctx)) // delivers the last events
//
//	user := ffc.NewUser("u-42", ffc.Country("FR"), ffc.String("plan", "pro"))
//	if client.BoolVariation(ctx, "new-checkout", user, false) {
//		// ...
//	}
//
// The client keeps all flags and segments of one environment in memory and
// evaluates them there: an evaluation does no I/O, takes well under a
// microsecond and keeps working while the platform is unreachable. A Transport
// fetches the data: package stream receives changes within milliseconds over a
// websocket; package poll fetches them, by default only when a unit of work
// begins. Evaluations and metrics are queued as events and delivered as package
// flush describes.
//
// In tests, use Config.Offline with a Bootstrap from package ffctest: the client
// then evaluates without any connection.
package ffc
