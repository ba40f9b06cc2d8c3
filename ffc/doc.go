// Package ffc evaluates feature flags of featureflag.co, and of its successor
// FeatBit, in the process that needs them.
//
//	client, err := ffc.New(ctx, ffc.Config{
//		EnvSecret: secret,
//		Transport: &stream.Transport{},
//	})
//	if err != nil {
//		return err // unusable configuration; an outage is no error
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
// microsecond and goes on working when the platform cannot be reached. How data
// arrives is a Transport: package stream pushes changes within milliseconds;
// package poll asks for them, by default only when a unit of work begins.
// Evaluations and metrics are queued as events and delivered as package flush
// describes.
//
// For tests, Config.Offline with a Bootstrap from package ffctest evaluates
// without any connection.
package ffc
