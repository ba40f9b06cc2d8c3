// Package lambda runs a function on AWS Lambda with flags that are fresh at the
// start of every invocation and events that leave before the process is frozen.
//
//	func main() {
//		client, err := ffc.New(context.Background(), ffc.Config{
//			EnvSecret: os.Getenv("FFC_ENV_SECRET"),
//			Transport: &poll.Transport{}, // works on demand
//			Bootstrap: snapshot,          // embedded, for a platform that is down
//			StartWait: time.Second,
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		lambda.Start(client, handler)
//	}
//
// [Start] accepts the handlers that aws-lambda-go's Start accepts. For each
// invocation it
//
//   - calls [ffc.Client.Refresh], which does nothing while the data is fresh;
//   - calls the handler;
//   - lets aws-lambda-go post the response, and then delivers the events, before
//     aws-lambda-go requests the next invocation and Lambda freezes the process.
//
// So the caller does not wait for events. The time of a delivery is billed, and the
// environment serves no other invocation meanwhile: with [FlushEvery] there are
// fewer deliveries. If a handler fails or panics, events are delivered before
// Lambda gets the response, because no code of the SDK runs afterwards.
//
// # Bounds
//
// Each step ends before the deadline of the invocation, by a margin: [Margin], or
// by default 100 ms or 5 % of the remaining time when the step begins, whichever
// is more. A delivery takes at most 5 s after the response, and at most 2 s if the
// caller waits for it. Events that were not delivered stay queued for the next
// invocation. After a failed delivery, the next one starts after a backoff of 1 s,
// then 2 s, up to a minute (less a random part of up to a half). The backoff is at
// least 5 times as long as the failed delivery took, so that an endpoint that is
// down does not slow each invocation. If a delivery has 2 s or more and its time
// ends, it counts as failed. With less time it counts as failed only if this
// happens twice in a row.
//
// No failure of the client fails an invocation: neither an outage nor a panic in
// Config.HTTPClient.
//
// # The end of the process
//
// On SIGTERM, [Start] closes the client, which delivers the queued events. Then it
// exits the process as soon as no invocation is under way that has time left. See
// [KeepProcess].
//
// # Several invocations in one process
//
// With AWS_LAMBDA_MAX_CONCURRENCY one refresh serves all invocations that begin
// while it runs, and the delivery of one invocation includes the events of all.
// Such a process is not frozen, so a transport that runs in the background works
// as well.
package lambda
